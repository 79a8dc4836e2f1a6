"""Draws synthetic text lines."""
