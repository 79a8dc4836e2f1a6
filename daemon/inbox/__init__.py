"""The inbox: which files are there, which are complete, and which is taken next."""
