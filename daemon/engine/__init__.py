"""Where tasks run: a bounded pool of warm worker processes."""
