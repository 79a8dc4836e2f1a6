"""The web page: HTML by templates and htmx, in English and Chinese."""
