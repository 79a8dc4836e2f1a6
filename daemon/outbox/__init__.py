"""What leaves the house: sidecars, published atomically."""
