"""Derived outputs that need a decoder: searchable PDFs and pictures of pages with overlays."""
