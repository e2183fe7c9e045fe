"""The shape every kernel works on: signals as rows, contiguous, in single or double precision."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = NDArray[np.floating]
Scalar = np.floating
_Piece = TypeVar("_Piece")
_Done = TypeVar("_Done")


def as_signals(values: ArrayLike) -> Array:
    """Return `values` as a C-contiguous 2-D array (signals, samples) of float32 or float64."""
    array = np.asarray(values)
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    if array.ndim not in {1, 2} or array.shape[-1] == 0:
        raise ValueError(f"expected (samples,) or (signals, samples) with a sample, got {array.shape}")
    return np.ascontiguousarray(np.atleast_2d(array))


def on_threads(work: "Callable[[_Piece], _Done]", pieces: "Sequence[_Piece]") -> "list[_Done]":
    """Call `work` for each of `pieces`, one thread for each; a single one needs no thread."""
    if len(pieces) < 2:  # noqa: PLR2004 (nothing to share out)
        return [work(piece) for piece in pieces]
    with ThreadPoolExecutor(len(pieces)) as pool:
        return list(pool.map(work, pieces))


def spread(kernel: "Callable[[slice], Array]", count: int, threads: int) -> Array:
    """Call `kernel` for blocks of `count` signals on `threads` threads; compiled loops free the GIL."""
    blocks = [slice(count * i // threads, count * (i + 1) // threads) for i in range(threads)]
    blocks = [block for block in blocks if block.start < block.stop]
    parts = on_threads(kernel, blocks or [slice(count)])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def further_on(kernel: "Callable[[slice], Array]", by: int, block: slice) -> Array:
    """Call `kernel` for a block so many signals further on."""
    return kernel(slice((block.start or 0) + by, block.stop + by))
