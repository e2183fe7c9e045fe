"""The shape every kernel works on: signals as rows, contiguous, in single or double precision."""

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
    """Return `values` as a C-contiguous 2-D array (signals, samples) of float32 or float64."""
    array = np.asarray(values)
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    if array.ndim not in {1, 2} or array.shape[-1] == 0:
        raise ValueError(f"expected (samples,) or (signals, samples) with a sample, got {array.shape}")
    return np.ascontiguousarray(np.atleast_2d(array))


def output_array(shape: tuple[int, ...], kind: np.dtype[Scalar], out: Array | None) -> Array:
    """Return where a result of this shape and type is written: `out`, or a new array where there is none."""
    if out is None:
        return np.empty(shape, kind)
    if out.shape != shape or out.dtype != kind or not out.flags.c_contiguous:
        raise ValueError(f"out must be contiguous, {kind} and of shape {shape}, got {out.dtype} {out.shape}")
    return out


def map_on_threads(work: "Callable[[_Piece], _Done]", pieces: "Sequence[_Piece]") -> "list[_Done]":
    """Call `work` for each of `pieces`: for the first one here, for every other one on a kept thread.

    To start a thread takes as long as a small step. `work` must not come here: it might wait for itself.
    """
    if len(pieces) < 2:  # noqa: PLR2004 (nothing to share out)
        return [work(piece) for piece in pieces]
    from concurrent.futures import wait  # noqa: PLC0415 (lazy: most jobs have one thread)

    others = [_kept_threads(os.getpid()).submit(work, piece) for piece in pieces[1:]]
    try:
        return [work(pieces[0]), *(other.result() for other in others)]
    finally:
        wait(others)  # also when one has failed: they use what the caller is about to drop


@cache
def _kept_threads(_process: int) -> "ThreadPoolExecutor":
    """Return the threads of this process; those of the parent of a fork are not there."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (likewise)

    return ThreadPoolExecutor(os.cpu_count())


def run_in_blocks(work: "Callable[[slice], _Done]", count: int, threads: int) -> "list[_Done]":
    """Call `work` for blocks of `count` signals on `threads` threads; compiled loops free the GIL."""
    blocks = [slice(count * i // threads, count * (i + 1) // threads) for i in range(threads)]
    blocks = [block for block in blocks if block.start < block.stop]
    return map_on_threads(work, blocks or [slice(count)])


def compute_in_blocks(kernel: "Callable[[slice], Array]", count: int, threads: int) -> Array:
    """Return what `kernel` returns for blocks of `count` signals, put together."""
    parts = run_in_blocks(kernel, count, threads)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def call_shifted(kernel: "Callable[[slice], _Done]", by: int, block: slice) -> _Done:
    """Call `kernel` for a block so many signals further on."""
    return kernel(slice((block.start or 0) + by, block.stop + by))
