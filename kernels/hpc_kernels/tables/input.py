"""Input tables of any file format: the names of all signals, and this rank's share of the signals."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, LackOfMemoryError, cell_place
from hpc_kernels.ranks.group import SINGLE_RANK, Ranks, range_block
from hpc_kernels.tables.asset_pairs import read_asset_pairs
from hpc_kernels.tables.csv.table_size import estimate_size
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.memory import TableSize, count_blocks
from hpc_kernels.tables.npy import npy_size, read_npy
from hpc_kernels.tables.parquet import ParquetTable
from hpc_kernels.tables.price_layout import PAIRS_HINT, holds_pairs, is_plain_price_file
from hpc_kernels.tables.reading_options import AS_BEFORE, ReadingOptions
from hpc_kernels.tables.shared_rows import SharedRows
from hpc_kernels.tables.time_column import TimeColumn

Share = Callable[[int], range]
_WITHOUT_HEADER = {".npy", ".parquet"}


def has_binary_format(path: Path) -> bool:
    """Return whether the name of a sensor table says that it is no text."""
    return path.suffix.lower() in _WITHOUT_HEADER


@dataclass(frozen=True)
class Table:
    """The names of all signals of the input, and the signals of a share.

    `signals` has the shape (share, samples) and double precision. `last_dates` (of the share) are None except
    for prices of assets, whose shorter series end in nan. `first_row` is the row of the first sample in the
    file, `columns` are the columns of all signals where they are not the first ones.
    """

    names: Sequence[str]
    signals: Array
    input_bytes: int
    last_dates: list[str] | None = None
    times: TimeColumn | None = None
    units: Sequence[str] = ()
    first_row: int = 1
    columns: Sequence[int] = ()


class TableInput:
    """A table in a file, from which each rank reads its share of the signals, in one block or in several."""

    def __init__(
        self,
        path: Path,
        layout: str = "sensor_table",
        *,
        ranks: Ranks = SINGLE_RANK,
        blocks: int = 1,
        threads: int = 1,
        options: ReadingOptions = AS_BEFORE,
    ) -> None:
        if not path.is_file():
            raise BadInputError(f"{path}: file not found{_doubled_hint(path)}")
        self._path, self._layout, self._ranks, self.blocks = path, layout, ranks, blocks
        self._options, self._text = options, TableText(path, ranks)
        self._rows = SharedRows(self._text, ranks, threads, options)
        self._prices = SharedRows(self._text, ranks, threads, replace(options, prices=True))
        self._parquet: ParquetTable | None = None
        self.size: TableSize | None = None  # of a table that is opened in blocks; estimated for a text
        self.warnings: dict[str, None] = {}  # each once, in order
        self.counts = {"filled": 0, "dropped": 0}

    @classmethod
    def open_in_blocks(
        cls, path: Path, layout: str, ranks: Ranks, *, shares: int, threads: int, options: ReadingOptions
    ) -> "TableInput":
        """Open a table in as many blocks as let each of `shares` shares of it fit into memory."""
        table = cls(path, layout, ranks=ranks, threads=threads, options=options)
        with _denied_as_bad_input(path):
            table.size = table._size()
        table.blocks = count_blocks(table.size, ranks, shares)
        return table

    def read(self, share: Share) -> Table:
        """Read a share of the signals: `share` maps their number to a range. All ranks have to call this.

        Raises
        ------
        BadInputError
            If the file cannot be read, or a cell is not a finite number.
        """
        with _denied_as_bad_input(self._path):
            table = self._read(share, self._path.stat().st_size)
        if self.blocks == 1:
            self._text.release()
        return table

    def _read(self, share: Share, size: int) -> Table:
        if self._layout == "asset_pairs":
            if self._is_plain:
                return self._plain_prices(share, size)
            return self._pairs(share, size)
        if self._format:
            self._options.refuse_choices(self._path.name)
        if self._format == ".parquet":
            with closing(self._decoder()) as table:
                self._parquet = None
                return Table(table.names, table.read(share(len(table.names))), size)
        if self._format == ".npy":
            return Table(*read_npy(self._path, share), size)
        return self._sensor_table(share, size)

    def _sensor_table(self, share: Share, size: int) -> Table:
        try:
            return self._csv(self._rows, share, size)
        except BadInputError as error:
            if isinstance(error, LackOfMemoryError) or not self._holds_pairs():
                raise
            raise BadInputError(f"{error}{PAIRS_HINT}") from error

    def _holds_pairs(self) -> bool:
        with self._text.open() as source:
            return holds_pairs(source, self._options)

    def _csv(self, rows: SharedRows, share: Share, size: int) -> Table:
        table, signals, times = rows.read(share, self.blocks)
        self.warnings |= dict.fromkeys(table.warnings)
        self.counts = {"filled": rows.filled, "dropped": rows.dropped}
        kept = range(len(table.names)) if table.form is None else table.form.kept
        return Table(
            table.names,
            signals,
            size,
            times=times,
            units=table.units,
            first_row=table.first_row,
            columns=kept,
        )

    @cached_property
    def _is_plain(self) -> bool:
        """Whether a file of prices has one column of dates."""
        with self._text.open() as source:
            return is_plain_price_file(source, self._options)

    def _plain_prices(self, share: Share, size: int) -> Table:
        table = self._csv(self._prices, share, size)
        steps = table.times and table.times.steps
        if table.times is None or (steps is None and table.signals.shape[1] > 1):
            raise BadInputError(f"{self._path.name}: expected a column of dates beside the prices")
        if steps and steps.least < 0:
            raise BadInputError(
                f"{self._path.name}: expected dates oldest first; sort the rows by their dates"
            )
        try:
            last = table.times.last_day()
        except ValueError as error:
            raise BadInputError(
                f"{self._path.name}: column {table.times.name!r}: {error}; write dates as YYYY-MM-DD"
            ) from error
        return replace(table, last_dates=[last] * len(table.signals))

    def _pairs(self, share: Share, size: int) -> Table:
        pairs = read_asset_pairs(self._text, share, self._options)
        self.counts["filled"] += pairs.filled
        return Table(
            pairs.names,
            pairs.prices,
            size,
            pairs.last_dates,
            first_row=pairs.first_row,
            columns=pairs.columns,
        )

    def _size(self) -> TableSize:
        """Return the size of the table; a decoder that is started for it serves the first read as well."""
        if self._format == ".parquet":
            return self._decoder().size
        if self._format == ".npy":
            return npy_size(self._path)
        with self._text.open() as source:
            size = estimate_size(source)
        pairs = self._layout == "asset_pairs" and not self._is_plain
        return replace(size, columns=size.columns // 2) if pairs else size

    def _decoder(self) -> ParquetTable:
        self._parquet = self._parquet or ParquetTable(self._path)
        return self._parquet

    @property
    def _format(self) -> str:
        """The suffix of the file where its format is not text."""
        is_binary = self._layout == "sensor_table" and has_binary_format(self._path)
        return self._path.suffix.lower() if is_binary else ""

    def read_all(self, kind: str) -> Table:
        """Read all signals, rounded to precision `kind`; a table in blocks is mapped from a scratch file."""
        if self.blocks == 1:
            table = self.read(range)
            return replace(table, signals=self.rounded(table, kind, first=0))
        whole = np.empty((0, 0), kind)
        for block in range(self.blocks):
            share = partial(_block, block, self.blocks)
            table = self.read(share)
            own = share(len(table.names))
            if not block:
                whole = self._ranks.create_mapped((len(table.names), table.signals.shape[1]), kind)
            whole[own.start : own.stop] = self.rounded(table, kind, own.start)
        return replace(table, signals=whole)

    def rounded(self, table: Table, kind: str, first: int) -> Array:
        """Return the signals of `table`, numbers `first` and following of the file, in precision `kind`.

        Raises
        ------
        BadInputError
            If a number is beyond that precision.
        """
        if table.signals.dtype == kind:
            return table.signals
        with np.errstate(over="ignore"):
            signals = table.signals.astype(kind)
        if np.isinf(signals).any():
            raise self._first_beyond(table, range(first, first + len(signals)))
        return signals

    def _first_beyond(self, table: Table, own: range) -> BadInputError:
        """Return the error of the first number of the whole file that is beyond single precision."""
        columns, step = range(len(table.names)), len(own)
        others = [
            side[at : at + step]
            for side in (columns[: own.start], columns[own.stop :])
            for at in range(0, len(side), step)
        ]
        beyond = _beyond(table.signals, own)
        for some in others:
            beyond += _beyond(self.read(lambda _total, some=some: some).signals, some)  # type: ignore[misc]
        row, column, value = min(beyond)
        place = table.columns[column] if table.columns else column
        where = cell_place(self._path.name, row + table.first_row, place, table.names[column])
        return BadInputError(f"{where}: {value} is beyond single precision")


def _doubled_hint(path: Path) -> str:
    """Return a hint at the file without the folders that its path names twice, if it is there."""
    parts = path.parts
    for size, at in product((2, 1), range(1, len(parts))):
        if parts[at : at + size] == parts[at + size : at + 2 * size]:
            other = Path(*parts[:at], *parts[at + size :])
            if other.is_file():
                return f"; {other} is there: leave out the part that stands twice"
    return ""


@contextmanager
def _denied_as_bad_input(path: Path) -> Iterator[None]:
    """Raise `BadInputError` where this account may not read the input; a scratch file is another matter."""
    try:
        yield
    except PermissionError as error:
        if Path(error.filename or path) != path:
            raise
        raise BadInputError(f"{path}: this account may not read it") from error


def _block(block: int, blocks: int, total: int) -> range:
    return range_block(range(total), block, blocks)


def _beyond(signals: Array, columns: range) -> list[tuple[int, int, float]]:
    """Return row, column and value of the first number beyond single precision, if there is one."""
    with np.errstate(over="ignore"):
        lost = np.argwhere(np.isinf(signals.astype(np.float32).T))[:1]
    return [(int(row), columns[column], float(signals[column, row])) for row, column in lost]
