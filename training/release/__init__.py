"""Turns a trained checkpoint into files that ship."""
