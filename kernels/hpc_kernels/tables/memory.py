"""Memory of a rank: the bytes that it may use, and the number of blocks in which its signals fit."""

import os
from pathlib import Path

import numpy as np

from hpc_kernels.ranks.group import Ranks
from hpc_kernels.tables.csv.source import is_gzip

_BYTES_PER_CELL = 3 * 8  # input, result, and intermediate values of a kernel
_SAMPLE = 1 << 16
_MOST_BLOCKS = 64
_SIZE_BYTES = 4
_PARTS_OF_TEN = 6  # of the free memory: the interpreter and other processes of the node need some


def count_blocks(path: Path, ranks: Ranks, shares: int) -> int:
    """Return the number of blocks in which each rank reads its share (one of `shares`) of the signals.

    The rank with the least memory decides for all, as each waits for the blocks of the others.
    """
    cells, columns = _size(path)
    needed = cells * _BYTES_PER_CELL // shares
    blocks = np.array([max(1.0, min(-(-needed // _allowance(ranks)), columns // shares))])
    return int(np.max(ranks.gather("blocks", blocks)))


def _size(path: Path) -> tuple[int, int]:
    """Estimate the numbers of cells and of columns, of a text from its beginning."""
    size = path.stat().st_size
    if is_gzip(path):
        return max(_unpacked_size(path), 2 * size) // 8, _MOST_BLOCKS
    if path.suffix.lower() in {".npy", ".parquet"}:
        return size // 8, _MOST_BLOCKS  # at least 8 bytes a cell, as a rule; columns unknown
    with path.open("rb") as file:
        header, _, rows = file.read(_SAMPLE).partition(b"\n")
    columns = max(header.count(separator) for separator in (b";", b",", b"\t")) + 1
    ends = sum(rows.count(end) for end in (b";", b",", b"\t", b"\n"))
    return (size * ends // len(rows) if ends else size // 2), columns


def _unpacked_size(path: Path) -> int:
    """Return the uncompressed size in the last four bytes of a gzip file."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _SIZE_BYTES, 0))
        return int.from_bytes(file.read(), "little")


def _allowance(ranks: Ranks) -> int:
    """Return the bytes for one rank: the setting, or its part of the grant of Slurm or of the free memory."""
    if given := os.environ.get("HPC_KERNELS_MEMORY_BYTES"):
        return max(1, int(given))
    per_node = int(os.environ.get("SLURM_NTASKS_PER_NODE", ranks.size))
    free = _available()
    if granted := int(os.environ.get("SLURM_MEM_PER_NODE", "0")):  # 0: all of the node's memory
        free = min(free, granted << 20)
    return max(1, free * _PARTS_OF_TEN // 10 // per_node)


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 1 << 62
