"""Trains the network of the recogniser."""
