"""Layout: from lines to blocks in reading order (columns.py, gutters.py)."""

from daemon.ocr.layout.columns import order

__all__ = ["order"]
