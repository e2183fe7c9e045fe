"""Weighted sums of neighbouring samples: the inner loop of smoothing and of filter banks."""

from hpc_kernels.arrays import Array
from hpc_kernels.compiled import compiled

BLOCK = 1024  # outputs worked on at a time, so that the sums stay in the first-level cache


@compiled
def weighted_sums(x: Array, taps: Array, out: Array) -> None:
    """Write ``out[t] = sum_j taps[j] x[t + j]``, added in the order of `j`; no sum leaves `x`."""
    count = len(taps)
    for start in range(0, len(out), BLOCK):
        sums = out[start : start + BLOCK]
        size = len(sums)
        first = x[start : start + size]
        for t in range(size):
            sums[t] = taps[0] * first[t]
        j = 1
        while j + 4 <= count:
            a, b, c, d = taps[j], taps[j + 1], taps[j + 2], taps[j + 3]
            xa, xb = x[start + j : start + j + size], x[start + j + 1 : start + j + 1 + size]
            xc, xd = x[start + j + 2 : start + j + 2 + size], x[start + j + 3 : start + j + 3 + size]
            for t in range(size):
                sums[t] = sums[t] + a * xa[t] + b * xb[t] + c * xc[t] + d * xd[t]
            j += 4
        while j < count:
            tap = taps[j]
            xj = x[start + j : start + j + size]
            for t in range(size):
                sums[t] += tap * xj[t]
            j += 1
