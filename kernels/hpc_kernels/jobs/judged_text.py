"""Judgement of a table in text: its rows are read once, a piece at a time, and counted, not kept."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.judgement import PAIRS, Judgement
from hpc_kernels.jobs.options import resolve_table
from hpc_kernels.tables.csv.judge import open_table
from hpc_kernels.tables.csv.odd_times import refuse_odd_times
from hpc_kernels.tables.csv.reader import CsvReader
from hpc_kernels.tables.csv.scratch_lines import ScratchLines
from hpc_kernels.tables.csv.source import TextSource, coding_of, open_beginning
from hpc_kernels.tables.csv.table import CsvTable
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.previews.preview import STRETCHES, Axis, Preview, preview_size
from hpc_kernels.tables.previews.running import RunningExtremes
from hpc_kernels.tables.price_layout import PAIRS_HINT, holds_pairs
from hpc_kernels.tables.reading_options import ReadingOptions
from hpc_kernels.tables.time_column import TimeColumn

BEGINNING_BYTES = 1 << 26
_MOST_TIMES = 1 << 24
_FOLDER = Path()  # for scratch files
_STRICT = ReadingOptions.of(resolve_table({}))
_PRICES = replace(_STRICT, prices=True)
_FILLING = ReadingOptions.of(resolve_table({"missing": "interpolate"}))
_OTHERWISE: tuple[tuple[ReadingOptions, dict[str, Any]], ...] = (
    (_PRICES, {"layout": "asset_pairs"}),
    (_FILLING, {"helps": "missing"}),
)


def judge_text(path: Path) -> Iterator[Judgement]:
    """Yield the judgement of the first 64 MiB of the text and, where there is more, that of all of it."""
    coding = coding_of(path)
    beginning, is_whole = open_beginning(path, BEGINNING_BYTES)
    first = replace(_judge(path, beginning), whole=is_whole, packed=coding)
    yield first
    if is_whole:
        return
    del beginning
    try:
        with TableText(path).open() as source:
            yield replace(_judge(path, source), whole=True, packed=coding, rate=first.rate)
    except BadInputError as error:  # the text does not fit into the scratch space, or is broken further on
        yield replace(first, whole=True, problem=first.problem or str(error))


def _judge(path: Path, source: TextSource) -> Judgement:
    """Judge a text: strictly, and where that fails as prices alone, and with missing cells allowed."""
    try:
        return _read(path, source, _STRICT)
    except BadInputError as error:
        problem = str(error)
    if holds_pairs(source, _STRICT):
        return Judgement(path, whole=False, format="csv", layout="asset_pairs", problem=problem + PAIRS_HINT)
    for options, more in _OTHERWISE:
        with suppress(BadInputError):
            return replace(_read(path, source, options), problem=problem, **more)
    return Judgement(path, whole=False, problem=problem)


def _read(path: Path, source: TextSource, options: ReadingOptions) -> Judgement:
    table = open_table(source, options)
    times = ScratchLines(_FOLDER) if table.form and table.form.time >= 0 else None
    size = preview_size(len(table.names), STRETCHES, PAIRS)
    running, missing = RunningExtremes(size.signals, size.stretches), 0
    for block in CsvReader(table, _FOLDER).blocks(times):
        missing += int(np.count_nonzero(np.isnan(block)))
        running.add(block)
    column = TimeColumn(table.time_name, table.time_order, [times.open]) if times else None
    judged = column if running.samples <= _MOST_TIMES else None
    if judged:
        refuse_odd_times(table, judged)
    steps = judged.steps if judged else None
    return Judgement(
        path,
        whole=False,
        format="csv",
        separator=table.separator.decode(),
        decimal=table.form.decimal.decode() if table.form else ".",
        header=table.has_header,
        time_column=table.time_name or None,
        rate=1 / steps.seconds if steps and steps.are_equal else None,
        units=table.units,
        signals=table.names,
        samples=running.samples,
        missing=missing,
        warnings=table.warnings,
        preview=_preview(table, running, column),
    )


def _preview(table: CsvTable, running: RunningExtremes, times: TimeColumn | None) -> Preview:
    least, greatest = running.sides
    seconds = times.seconds_at(running.starts.astype(np.int64)) if times else None
    axis = Axis("sample", "", running.starts) if seconds is None else Axis(table.time_name, "s", seconds)
    total = len(table.names)
    return Preview("table", axis, table.names, table.units, least, greatest, running.samples, total)
