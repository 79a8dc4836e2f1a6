"""Benchmarks of speed, memory and accuracy: commands that print tables and ratios."""
