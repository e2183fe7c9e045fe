"""Perforation: linear interpolation of the samples between two computed ones."""

from hpc_kernels.arrays import Array
from hpc_kernels.jit.decorators import compiled


@compiled
def interpolate_skipped(rows: Array, stride: int) -> None:
    """Interpolate each row between samples 0, stride, 2 stride ...; the last of them fills the end."""
    for i in range(len(rows)):
        _fill(rows[i], stride)


@compiled
def _fill(out: Array, stride: int) -> None:
    n = len(out)
    last = (n - 1) // stride * stride
    for start in range(0, last, stride):
        begin = out[start]
        step = (out[start + stride] - begin) / out.dtype.type(stride)
        for j in range(1, stride):
            out[start + j] = begin + step * out.dtype.type(j)
    for t in range(last + 1, n):
        out[t] = out[last]
