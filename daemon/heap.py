"""Free memory, given back to the system: glibc keeps what lies between things still in use."""

from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # malloc_trim(3); musl has none


def trim() -> None:
    """Give back what the heap keeps of freed memory, in some milliseconds.

    After a page the temporaries of its images and layers lie free between the network's weights and
    kernels: 25 MB of a worker.
    """
    if _trim is not None:
        _trim(0)
