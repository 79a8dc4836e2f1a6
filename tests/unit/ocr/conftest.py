"""Fixtures shared by the tests of OCR."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import samples


@pytest.fixture(scope="session")
def drawn() -> np.ndarray:
    """The page that every good sample shows."""
    return samples.text_page()
