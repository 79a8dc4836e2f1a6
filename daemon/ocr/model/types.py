"""Types of what a loaded network takes and returns; shapes in N, C, H, W, T."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]
"""Lines to read, N,1,H,W."""

Steps = tuple[NDArray[np.int64], NDArray[np.float32]]
"""The best classes of each step and their probabilities, both N,T,CANDIDATES."""

Outputs = tuple[NDArray[np.int64], NDArray[np.float32], int]
"""Classes and probabilities as in `Steps`, and how many classes the network tells apart."""

Network = Callable[[Frames], Outputs]

LoadedNetwork = tuple[Network, dict[str, str], str]
"""A network, the metadata stored in its file, and its precision."""
