"""From a file to its text; the rooms never import one another, pipeline.py composes them."""
