"""SQLite: what became of each file, and which hook notifications are due."""
