"""Measures a network."""
