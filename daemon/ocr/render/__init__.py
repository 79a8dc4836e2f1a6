"""Outputs that need a decoder: searchable PDFs, pictures of pages, overlays."""
