"""Judgement of a NumPy or Parquet table: all of its numbers are read, in blocks of signals."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.jobs.judgement import PAIRS, Judgement
from hpc_kernels.ranks.group import SINGLE_RANK, range_block
from hpc_kernels.tables.input import TableInput
from hpc_kernels.tables.previews.extremes import equal_stretches, find_extremes
from hpc_kernels.tables.previews.preview import Axis, Preview, preview_size
from hpc_kernels.tables.reading_options import AS_BEFORE


def judge_binary(path: Path) -> Iterator[Judgement]:
    """Yield the judgement of the table, for one in several blocks also that of the first block."""
    kind = path.suffix.lower().removeprefix(".")
    source = TableInput.open_in_blocks(
        path, "sensor_table", SINGLE_RANK, shares=1, threads=1, options=AS_BEFORE
    )
    preview = None
    for block in range(source.blocks):
        table = source.read(partial(_block_of, block, source.blocks))
        samples, names = table.signals.shape[1], table.names
        if preview is None:
            preview = _empty_preview(names, samples)
        _fill(preview, table.signals, _block_of(block, source.blocks, len(names)).start)
        is_last = block + 1 == source.blocks
        if is_last or not block:
            shown = preview if is_last else None
            found = Judgement(path, whole=is_last, format=kind, signals=names, samples=samples, preview=shown)
            yield found


def _empty_preview(names: Sequence[str], samples: int) -> Preview:
    size = preview_size(len(names), samples, PAIRS)
    bounds = equal_stretches(samples, size.stretches)
    axis = Axis("sample", "", bounds[:-1].astype(np.float64))
    sides = np.empty((2, size.signals, size.stretches))
    return Preview("table", axis, names, (), sides[0], sides[1], samples, len(names))


def _fill(preview: Preview, signals: Array, first: int) -> None:
    """Write the extremes of some signals, the first of which has the number `first`."""
    here = slice(first, min(first + len(signals), len(preview.least)))
    if here.start < here.stop:
        bounds = equal_stretches(preview.samples, preview.least.shape[1])
        sides = find_extremes([signals], bounds, "float64", here.stop - here.start)
        preview.least[here], preview.greatest[here] = sides


def _block_of(block: int, blocks: int, total: int) -> range:
    return range_block(range(total), block, blocks)
