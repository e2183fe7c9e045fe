"""Arrays of signals within the memory of a rank: the number of blocks, and the check of each array."""

from dataclasses import dataclass

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import REQUEST_MORE, LackOfMemoryError
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.tables.granted_memory import granted_bytes

_BYTES_PER_CELL = 3 * 8  # input, result, and intermediate values of a kernel
_BYTES_OF_NUMBER = 8


@dataclass(frozen=True)
class TableSize:
    """The numbers of cells and of columns of a table, exact or estimated."""

    cells: int
    columns: int


def count_blocks(size: TableSize, ranks: Ranks, shares: int) -> int:
    """Return the number of blocks in which each rank reads its share (one of `shares`) of the signals.

    The rank with the least memory decides for all, as each waits for the blocks of the others.
    """
    needed = size.cells * _BYTES_PER_CELL // shares
    blocks = np.array([max(1.0, min(-(-needed // granted_bytes()), size.columns // shares))])
    return int(np.max(ranks.gather("blocks", blocks)))


def allocate_signals(file: str, signals: int, samples: int) -> Array:
    """Return an array (signals, samples) of double precision without values.

    Raises
    ------
    LackOfMemoryError
        If the memory of this rank cannot hold it; none is taken then.
    """
    needed, granted = signals * samples * _BYTES_OF_NUMBER, granted_bytes()
    if needed > granted:
        raise LackOfMemoryError(
            f"{file}: {signals:,} signals of {samples:,} samples take {needed:,} bytes of memory, and this"
            f" rank may use {granted:,} for them; {REQUEST_MORE}"
        )
    return np.empty((signals, samples))
