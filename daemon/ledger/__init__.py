"""SQLite: the state of every claimed file, and the notifications that are due to hooks."""
