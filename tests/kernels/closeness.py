"""Tolerance of results: relative to the largest magnitude of each signal's own output."""

import numpy as np
from numpy.typing import NDArray


def assert_close(got: NDArray[np.floating], expected: NDArray[np.floating], tolerance: float) -> None:
    assert got.shape == expected.shape
    largest = np.abs(expected).max(axis=-1, keepdims=True)
    assert (np.abs(got - expected) <= tolerance * largest).all()
