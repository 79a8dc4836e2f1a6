"""Training, evaluation and release of recognisers; the daemon never imports this package."""
