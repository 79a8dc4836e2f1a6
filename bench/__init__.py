"""What is fast and what is accurate, as commands that print ratios."""
