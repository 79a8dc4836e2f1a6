"""Types of the inputs and outputs of a loaded network; shapes in N, C, H, W, T."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

InputBatch = NDArray[np.float32]
"""Lines to read, N,1,H,W."""

StepCandidates = tuple[NDArray[np.int64], NDArray[np.float32]]
"""The best classes of each step and their probabilities, both N,T,CANDIDATES."""

NetworkOutputs = tuple[NDArray[np.int64], NDArray[np.float32], int]
"""Classes and probabilities as in `StepCandidates`, and the number of classes of the network."""

NetworkFunction = Callable[[InputBatch], NetworkOutputs]

LoadedNetwork = tuple[NetworkFunction, dict[str, str], str]
"""A network, the metadata stored in its file, and its precision."""
