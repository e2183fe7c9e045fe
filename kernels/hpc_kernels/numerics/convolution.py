"""Correlation of signals with short filters: the inner loop of Savitzky-Golay smoothing."""

from typing import Any

from hpc_kernels.arrays import Array
from hpc_kernels.jit import vector_intrinsics as vectors
from hpc_kernels.jit.decorators import compiled_fused
from hpc_kernels.jit.marks import Intrinsic, cgutils, types
from hpc_kernels.jit.vector_intrinsics import VECTOR_DOUBLES

OUTPUT_BLOCK = 1024  # outputs per pass, so that their sums stay in the first-level cache
_AHEAD = 2 * OUTPUT_BLOCK  # samples between a prefetch and its use


@compiled_fused
def correlate(x: Array, taps: Array, out: Array, first: int, block: Array) -> None:
    """Write ``out[i, first + t] = sum_j taps[j] x[i, t + j]`` for every `t` with all its samples in `x`.

    Parameters
    ----------
    x : ndarray, shape (signals, samples)
    taps : ndarray of float64, shape (taps,)
        An odd number of weights.
    out : ndarray, shape (signals, at least first + samples - taps + 1)
    first : int
        Index of the first output.
    block : ndarray of float64, shape (OUTPUT_BLOCK,)
        Scratch space: sums are in double precision for any type of `out`.
    """
    for i in range(len(x)):
        _weigh(x[i], taps, out[i, first : first + x.shape[1] - len(taps) + 1], block)


@compiled_fused
def _weigh(x: Array, taps: Array, out: Array, block: Array) -> None:
    for start in range(0, len(out), OUTPUT_BLOCK):
        sums = block[: min(OUTPUT_BLOCK, len(out) - start)]
        if len(taps) % 4 == 1:
            _start_with_one(x[start:], taps[0], sums)
        else:
            _start_with_three(x[start:], taps, sums)
        j = len(taps) % 4
        while j + 8 <= len(taps):
            _add_eight(x[start + j :], taps[j:], sums)
            j += 8
        if j < len(taps):
            _add_four(x[start + j :], taps[j:], sums)
        written = out[start : start + OUTPUT_BLOCK]
        for t in range(len(sums)):
            written[t] = sums[t]


@compiled_fused
def _start_with_one(x: Array, tap: float, sums: Array) -> None:
    for t in range(len(sums)):
        sums[t] = tap * x[t]


@compiled_fused
def _start_with_three(x: Array, taps: Array, sums: Array) -> None:
    a, b, c = taps[0], taps[1], taps[2]
    xb, xc = x[1:], x[2:]
    for t in range(len(sums)):
        sums[t] = a * x[t] + b * xb[t] + c * xc[t]


@compiled_fused
def _add_four(x: Array, taps: Array, sums: Array) -> None:
    a, b, c, d = taps[0], taps[1], taps[2], taps[3]
    xb, xc, xd = x[1:], x[2:], x[3:]
    for t in range(len(sums)):
        sums[t] = sums[t] + a * x[t] + b * xb[t] + c * xc[t] + d * xd[t]


@compiled_fused
def _add_eight(x: Array, taps: Array, sums: Array) -> None:
    whole = max(0, min(len(sums), len(x) - VECTOR_DOUBLES)) // VECTOR_DOUBLES * VECTOR_DOUBLES
    if whole > 0:
        _add_eight_to_vectors(x, taps, sums, whole)
    if whole < len(sums):
        _add_eight_to_few(x[whole:], taps, sums[whole:])


@Intrinsic
def _add_eight_to_vectors(_context: Any, x: Any, taps: Any, sums: Any, _whole: Any) -> Any:
    """Add eight terms to the first `whole` sums, a multiple of the vector length; `x` has one vector more.

    Samples are loaded once and shifted in registers: unaligned loads would take longer.
    """

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        whole = arguments[3]
        number = whole.type
        signal, weights, totals = (
            vectors.data_pointer(context, builder, kind, array)
            for kind, array in zip((x, taps, sums), arguments, strict=False)
        )
        factors = [vectors.broadcast(builder, weights, number(tap)) for tap in range(8)]
        before = cgutils.alloca_once(builder, vectors.vector_type())
        builder.store(vectors.load_vector(builder, signal, number(0)), before)
        with cgutils.for_range_slice(builder, number(0), whole, number(VECTOR_DOUBLES), number) as (t, _):
            vectors.prefetch(builder, signal, builder.add(t, number(_AHEAD)))
            first, second = (
                builder.load(before),
                vectors.load_vector(builder, signal, builder.add(t, number(VECTOR_DOUBLES))),
            )
            builder.store(second, before)
            total = vectors.load_vector(builder, totals, t)
            for tap, factor in enumerate(factors):
                beside = vectors.shift_pair(builder, first, second, tap)
                total = vectors.multiply_add(builder, total, factor, beside)
            builder.store(total, vectors.vector_pointer(builder, totals, t), align=8)
        return context.get_dummy_value()

    return types.none(x, taps, sums, types.int64), generate


@compiled_fused
def _add_eight_to_few(x: Array, taps: Array, sums: Array) -> None:
    a, b, c, d = taps[0], taps[1], taps[2], taps[3]
    e, f, g, h = taps[4], taps[5], taps[6], taps[7]
    xb, xc, xd, xe, xf, xg, xh = x[1:], x[2:], x[3:], x[4:], x[5:], x[6:], x[7:]
    for t in range(len(sums)):
        four = sums[t] + a * x[t] + b * xb[t] + c * xc[t] + d * xd[t]
        sums[t] = four + e * xe[t] + f * xf[t] + g * xg[t] + h * xh[t]
