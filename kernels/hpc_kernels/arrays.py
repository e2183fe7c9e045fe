"""Arrays of signals (one a row, contiguous, float32 or float64), and maps over blocks of them on threads."""

import os
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

Array = NDArray[np.floating]
Scalar = np.floating
ByteArray = NDArray[np.uint8]
Labels = NDArray[np.int64]
_Piece = TypeVar("_Piece")
_Done = TypeVar("_Done")


def as_signals(values: ArrayLike) -> Array:
    """Return `values` as a C-contiguous array of float32 or float64.

    Parameters
    ----------
    values : array_like, shape (signals, samples) or (samples,)
        float32 stays float32; every other type becomes float64.

    Returns
    -------
    ndarray, shape (signals, samples)
        `values` itself where nothing has to change.

    Raises
    ------
    ValueError
        If there is no sample, or more than two dimensions.
    """
    array = np.asarray(values)
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    if array.ndim not in {1, 2} or array.shape[-1] == 0:
        raise ValueError(f"expected (samples,) or (signals, samples) with a sample, got {array.shape}")
    return np.ascontiguousarray(np.atleast_2d(array))


def output_array(shape: tuple[int, ...], kind: np.dtype[Scalar], out: Array | None) -> Array:
    """Return the array that receives a result: `out`, or a new array if `out` is None.

    Raises
    ------
    ValueError
        If `out` has another shape or type, or is not C-contiguous.
    """
    if out is None:
        return np.empty(shape, kind)
    if out.shape != shape or out.dtype != kind or not out.flags.c_contiguous:
        raise ValueError(f"out must be contiguous, {kind} and of shape {shape}, got {out.dtype} {out.shape}")
    return out


def map_on_threads(work: "Callable[[_Piece], _Done]", pieces: "Sequence[_Piece]") -> "list[_Done]":
    """Map `work` over `pieces`: the first on this thread, each other one on a thread of a lasting pool.

    A lasting pool saves the start of a thread, which takes as long as a small step. `work` must not call
    this function: the pool could wait for itself.

    Returns
    -------
    list
        The results in the order of `pieces`.
    """
    if len(pieces) < 2:  # noqa: PLR2004 (one piece needs no pool)
        return [work(piece) for piece in pieces]
    from concurrent.futures import wait  # noqa: PLC0415 (lazy: most jobs have one thread)

    others = [_thread_pool(os.getpid()).submit(work, piece) for piece in pieces[1:]]
    try:
        return [work(pieces[0]), *(other.result() for other in others)]
    finally:
        wait(others)  # also after an exception: the other threads use arrays that the caller is about to drop


@cache
def _thread_pool(_process: int) -> "ThreadPoolExecutor":
    """Return the thread pool of this process; a forked child has none of its parent's threads."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (lazy: most jobs have one thread)

    return ThreadPoolExecutor(os.cpu_count())


def run_in_blocks(work: "Callable[[slice], _Done]", count: int, threads: int) -> "list[_Done]":
    """Map `work` over blocks of `count` signals on `threads` threads; compiled code releases the GIL."""
    threads = min(threads, max(1, count))
    blocks = [slice(count * i // threads, count * (i + 1) // threads) for i in range(threads)]
    blocks = [block for block in blocks if block.start < block.stop]
    return map_on_threads(work, blocks or [slice(count)])


def compute_in_blocks(kernel: "Callable[[slice], Array]", count: int, threads: int) -> Array:
    """Return the concatenated results of `kernel` for blocks of `count` signals on `threads` threads."""
    parts = run_in_blocks(kernel, count, threads)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def call_shifted(kernel: "Callable[[slice], _Done]", by: int, block: slice) -> _Done:
    """Call `kernel` for `block` shifted by `by` signals."""
    return kernel(slice((block.start or 0) + by, block.stop + by))
