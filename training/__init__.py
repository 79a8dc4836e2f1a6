"""Makes and measures recognisers; the daemon never imports it."""
