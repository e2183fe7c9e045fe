"""Input tables of any file format: the names of all signals, and this rank's share of the signals."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.ranks.group import SINGLE_RANK, Ranks, range_block
from hpc_kernels.tables.asset_pairs import HEADER_ROWS, read_asset_pairs
from hpc_kernels.tables.csv.table_size import estimate_size
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.memory import TableSize, count_blocks
from hpc_kernels.tables.npy import npy_size, read_npy
from hpc_kernels.tables.parquet import ParquetTable
from hpc_kernels.tables.shared_rows import SharedRows

Share = Callable[[int], range]
_WITHOUT_HEADER = {".npy", ".parquet"}


@dataclass(frozen=True)
class Table:
    """The names of all signals of the input, and the signals of a share.

    `signals` has the shape (share, samples) and double precision. `last_dates` (of the share) are None except
    for asset pairs, whose shorter series end in nan.
    """

    names: Sequence[str]
    signals: Array
    input_bytes: int
    last_dates: list[str] | None = None


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
    ) -> None:
        if not path.is_file():
            raise BadInputError(f"{path}: file not found")
        self._path, self._layout, self._ranks, self.blocks = path, layout, ranks, blocks
        self._text = TableText(path, ranks)
        self._rows = SharedRows(self._text, ranks, threads)
        self._parquet: ParquetTable | None = None

    @classmethod
    def open_in_blocks(
        cls, path: Path, layout: str, ranks: Ranks, *, shares: int, threads: int
    ) -> "TableInput":
        """Open a table in as many blocks as let each of `shares` shares of it fit into memory."""
        table = cls(path, layout, ranks=ranks, threads=threads)
        with _denied_as_bad_input(path):
            size = table._size()
        table.blocks = count_blocks(size, ranks, shares)
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
            pairs = read_asset_pairs(self._text, share)
            return Table(pairs.names, pairs.prices, size, pairs.last_dates)
        return Table(*self._sensors(share), size)

    def _sensors(self, share: Share) -> tuple[Sequence[str], Array]:
        if self._format == ".parquet":
            with closing(self._decoder()) as table:
                self._parquet = None
                return table.names, table.read(share(len(table.names)))
        if self._format == ".npy":
            return read_npy(self._path, share)
        return self._rows.read(share, self.blocks)

    def _size(self) -> TableSize:
        """Return the size of the table; a decoder that is started for it serves the first read as well."""
        if self._format == ".parquet":
            return self._decoder().size
        if self._format == ".npy":
            return npy_size(self._path)
        with self._text.open() as source:
            size = estimate_size(source)
        return replace(size, columns=size.columns // 2) if self._layout == "asset_pairs" else size

    def _decoder(self) -> ParquetTable:
        self._parquet = self._parquet or ParquetTable(self._path)
        return self._parquet

    @property
    def _format(self) -> str:
        """The suffix of the file where its format is not text."""
        suffix = self._path.suffix.lower()
        return suffix if self._layout == "sensor_table" and suffix in _WITHOUT_HEADER else ""

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
        name = table.names[column]
        if self._layout == "asset_pairs":
            row, column = row + HEADER_ROWS, 2 * column + 1
        elif not self._format:
            row += 1 + sum(name.count("\n") for name in table.names)
        where = cell_place(self._path.name, row + 1, column, name)
        return BadInputError(f"{where}: {value} is beyond single precision")


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
