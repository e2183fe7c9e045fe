"""Euclidean distances in blocks of six signals and eight centroids: nearest centroids, pairs of signals.

A centroid's samples lie in one lane of LLVM's vectors, so a distance is summed in the order of the samples
and does not depend on the rest of the block: equal centroids are equally far, to the last bit.
"""

import math
from typing import Any

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.jit import vector_intrinsics as vectors
from hpc_kernels.jit.decorators import compiled, compiled_any_order
from hpc_kernels.jit.marks import Intrinsic, cgutils, ir, types
from hpc_kernels.jit.vector_intrinsics import VECTOR_DOUBLES

_ROWS = 6  # signals of a block: 16 registers of half a vector (AVX2) still hold all sums
_FEW = 3  # centroids at most that are faster one by one: the memory then limits the speed
_TOGETHER = 85 * _ROWS  # signals that share a piece of the centroids once it is laid out in lanes
_PIECE = 256  # samples of a piece: those of six signals and eight centroids fit into the first-level cache


def nearest_centroids(x: Array, centroids: Array) -> Array:
    """Return index and distance of the nearest centroid of each signal; a tie goes to the lower index.

    Parameters
    ----------
    x : ndarray, shape (signals, samples)
    centroids : ndarray, shape (centroids, samples)

    Returns
    -------
    ndarray of float64, shape (signals, 2)
    """
    out, groups = np.empty((len(x), 2)), -(-len(centroids) // VECTOR_DOUBLES)
    if len(centroids) <= _FEW:
        _write_nearest_of_few(x, centroids, out)
        return out
    lanes, sums = np.empty((groups, _PIECE, VECTOR_DOUBLES)), np.empty((groups, _TOGETHER, VECTOR_DOUBLES))
    _write_nearest(x, centroids, out, lanes, sums)
    return out


@compiled
def _write_nearest_of_few(x: Array, centroids: Array, out: Array) -> None:
    for i in range(len(x)):
        label, least = 0, np.inf
        for c in range(len(centroids)):
            found = squared_distance(x[i], centroids[c])
            if found < least:
                label, least = c, found
        out[i, 0], out[i, 1] = label, math.sqrt(least)


@compiled_any_order
def squared_distance(x: Array, y: Array) -> float:
    """Return the squared Euclidean distance of two signals."""
    total = 0.0
    for t in range(len(x)):
        difference = x[t] - y[t]
        total += difference * difference
    return total


@compiled
def _write_nearest(x: Array, centroids: Array, out: Array, lanes: Array, sums: Array) -> None:
    samples = x.shape[1]
    for first in range(0, len(x), _TOGETHER):
        last = min(first + _TOGETHER, len(x))
        sums[:] = 0
        for start in range(0, samples, _PIECE):
            stop = min(start + _PIECE, samples)
            _lay_into_lanes(centroids, start, stop, lanes)
            for i in range(first, last, _ROWS):
                for group in range(len(lanes)):
                    _add_squares(x, i, start, stop, lanes[group], sums[group], i - first)
        for i in range(first, last):
            _choose(sums, i - first, len(centroids), out[i])


def pairwise_squares(x: Array, samples: slice) -> Array:
    """Return the squared distances of all pairs of signals over a slice of samples: the upper triangle."""
    groups = -(-len(x) // VECTOR_DOUBLES)
    lanes, sums = (
        np.empty((groups, _PIECE, VECTOR_DOUBLES)),
        np.zeros((groups, len(x) + _ROWS, VECTOR_DOUBLES)),
    )
    _write_squares(x, *samples.indices(x.shape[1])[:2], lanes, sums)
    return np.triu(sums.transpose(1, 0, 2).reshape(len(x) + _ROWS, -1)[: len(x), : len(x)])


@compiled
def _write_squares(x: Array, first: int, last: int, lanes: Array, sums: Array) -> None:
    for start in range(first, last, _PIECE):
        stop = min(start + _PIECE, last)
        _lay_into_lanes(x, start, stop, lanes)
        for i in range(0, len(x), _ROWS):
            for group in range(i // VECTOR_DOUBLES, len(lanes)):
                _add_squares(x, i, start, stop, lanes[group], sums[group], i)


@compiled
def _lay_into_lanes(centroids: Array, start: int, stop: int, lanes: Array) -> None:
    for c in range(len(lanes) * VECTOR_DOUBLES):
        centroid, group, lane = (
            centroids[min(c, len(centroids) - 1)],
            lanes[c // VECTOR_DOUBLES],
            c % VECTOR_DOUBLES,
        )
        for t in range(start, stop):
            group[t - start, lane] = centroid[t]


@compiled
def _choose(sums: Array, row: int, count: int, out: Array) -> None:
    label, least = 0, np.inf
    for c in range(count):
        squares = sums[c // VECTOR_DOUBLES, row, c % VECTOR_DOUBLES]
        if squares < least:
            label, least = c, squares
    out[0], out[1] = label, math.sqrt(least)


@Intrinsic
def _add_squares(
    _context: Any, x: Any, _i: Any, _start: Any, _stop: Any, lanes: Any, sums: Any, _row: Any
) -> Any:
    """Add ``(x[i + r, t] - lanes[t - start]) ** 2`` to ``sums[row + r]``, for six `r` and all `t`.

    The last signal fills the rows beyond the end of `x`.
    """

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _, i, start, stop, _, _, row = arguments
        number = i.type
        signals, piece, totals = (
            vectors.data_pointer(context, builder, kind, arguments[place])
            for kind, place in ((x, 0), (lanes, 4), (sums, 5))
        )
        shape = context.make_array(x)(context, builder, arguments[0]).shape
        count, samples = cgutils.unpack_tuple(builder, shape)
        rows = []
        for r in range(_ROWS):
            wanted, last = builder.add(i, number(r)), builder.sub(count, number(1))
            within = builder.select(builder.icmp_signed("<", wanted, last), wanted, last)
            rows.append(builder.gep(signals, [builder.mul(within, samples)]))
        kept = [cgutils.alloca_once(builder, vectors.vector_type()) for _ in rows]
        for total in kept:
            builder.store(ir.Constant(vectors.vector_type(), [0.0] * VECTOR_DOUBLES), total)
        with cgutils.for_range_slice(builder, start, stop, number(1), number) as (t, _):
            beside = vectors.load_vector(
                builder, piece, builder.mul(builder.sub(t, start), number(VECTOR_DOUBLES))
            )
            for signal, total in zip(rows, kept, strict=True):
                apart = builder.fsub(beside, vectors.broadcast(builder, signal, t))
                builder.store(vectors.multiply_add(builder, builder.load(total), apart, apart), total)
        for r, total in enumerate(kept):
            place = builder.mul(builder.add(row, number(r)), number(VECTOR_DOUBLES))
            added = builder.fadd(vectors.load_vector(builder, totals, place), builder.load(total))
            builder.store(added, vectors.vector_pointer(builder, totals, place), align=8)
        return context.get_dummy_value()

    number = types.int64
    return types.none(x, number, number, number, lanes, sums, number), generate
