"""Builds the released files from trained checkpoints."""
