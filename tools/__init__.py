"""Tools for developers: the generated documents and the figures of the structure."""
