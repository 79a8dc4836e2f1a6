"""Results: sidecars and output files, published atomically, and notifications of hooks."""
