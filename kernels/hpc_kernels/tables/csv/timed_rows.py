"""Formatting of rows that begin with a time: the cells of the times are copied, the numbers formatted."""

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, ByteArray
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.tables.csv.format_number import format_cells

_SEPARATOR, _LINE_END = b";\n"


@compiled
def format_timed_rows(
    rows: Array, times: ByteArray, text: ByteArray, digits: NDArray[np.uint64], points: NDArray[np.int64]
) -> int:
    """Write rows (samples, signals), each behind a line of `times`; return the length of the text.

    The parameters are those of `format_cells`.
    """
    at, read = 0, 0
    for i in range(len(rows)):
        while times[read] != _LINE_END:
            text[at] = times[read]
            at += 1
            read += 1
        read += 1
        text[at] = _SEPARATOR
        at += 1
        at += format_cells(rows[i], rows.shape[1], text[at:], digits, points)
    return at
