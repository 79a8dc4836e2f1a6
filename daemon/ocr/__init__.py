"""Optical character recognition: from a file to its text.

The stages do not import one another; pipeline.py composes them.
"""
