"""Output tables of filters: the layout of a sensor table, as CSV or as a NumPy file."""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice, repeat
from typing import TYPE_CHECKING

import numpy as np

from hpc_kernels.arrays import Array, ByteArray
from hpc_kernels.files import Buffer, HashingWriter
from hpc_kernels.jit.byte_intrinsics import TEXT_PADDING
from hpc_kernels.reports.progress import Progress
from hpc_kernels.tables.names import SignalNames
from hpc_kernels.tables.time_column import TimeColumn

if TYPE_CHECKING:
    from concurrent.futures import Executor

_CELLS_PER_BLOCK = 1 << 14
_ROWS_PER_LINE = 8
_MOST_CELLS = 1 << 18
Block = tuple[range, bytes]  # rows, and the lines of their times
_FEW = 4  # blocks for each thread at least; fewer are faster on one thread


@dataclass(frozen=True)
class TableWriter:
    """Writer of one table: signals of `parts`, each (signals, samples), in the order of the columns."""

    names: Sequence[str]
    parts: Sequence[Array]
    kind: np.dtype[np.floating]
    csv: bool
    times: TimeColumn | None = None

    @property
    def samples(self) -> int:
        """Number of rows below the header."""
        return len(self.parts[0][0])

    def header(self) -> Buffer:
        """Return the bytes before the first row."""
        if not self.csv:
            return _npy_header(self.parts, self.kind)
        time = f"{quote_cell(self.times.name)};".encode("utf-8", "surrogateescape") if self.times else b""
        return time + _csv_header(self.names)

    def write_rows(self, file: HashingWriter, rows: range, threads: int, progress: Progress) -> None:
        """Write some of the rows; several threads format blocks of them ahead of the writing."""
        step = self._rows_per_block()
        blocks = [rows[start : start + step] for start in range(0, len(rows), step)]
        if len(blocks) < _FEW * threads:
            threads = 1
        times = self.times.blocks(rows.start, [*map(len, blocks)]) if self.times else repeat(b"")
        with _formatting(threads) as texts:
            for done, text in enumerate(texts(self._text, zip(blocks, times, strict=False)), 1):
                file.write(text.data)
                progress.report(done * step, len(rows))

    def _rows_per_block(self) -> int:
        """Return the rows of a block, which stays in the cache and reads whole cache lines of signals."""
        columns = sum(map(len, self.parts))
        return max(_CELLS_PER_BLOCK // columns, min(_ROWS_PER_LINE, _MOST_CELLS // columns), 1)

    def values(self, rows: range) -> Array:
        """Return some rows (samples, signals) in the precision of the output."""
        return _rows(self.parts, slice(rows.start, rows.stop), self.kind)

    def _text(self, block: Block) -> ByteArray:
        rows, times = block
        if not self.csv:
            return _npy_rows(self.values(rows))
        return _timed_rows(self.values(rows), times) if self.times else _csv_rows(self.values(rows))


@contextmanager
def _formatting(
    threads: int,
) -> Iterator[Callable[[Callable[[Block], ByteArray], Iterable[Block]], Iterator[ByteArray]]]:
    """Yield an ordered `map`: on this thread alone, or on others a few blocks ahead of it."""
    if threads == 1:
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (lazy: most jobs have one thread)

    with ThreadPoolExecutor(threads) as pool:
        yield partial(_in_order, pool, 2 * threads)


def _in_order(
    pool: "Executor", ahead: int, function: Callable[[Block], ByteArray], blocks: Iterable[Block]
) -> Iterator[ByteArray]:
    """Yield the results in order while the pool works on at most `ahead` more blocks."""
    left = iter(blocks)
    waiting = deque(pool.submit(function, block) for block in islice(left, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(function, block) for block in islice(left, 1))
        yield result


def _rows(parts: Sequence[Array], rows: slice, kind: np.dtype[np.floating]) -> Array:
    """Return some rows (samples, signals) in the precision of the output."""
    with np.errstate(over="ignore"):  # beyond single precision is infinite
        return np.concatenate([part[:, rows].T for part in parts], axis=1, dtype=kind, casting="same_kind")


def _npy_header(parts: Sequence[Array], kind: np.dtype[np.floating]) -> bytes:
    shape = (parts[0].shape[1], sum(map(len, parts)))
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, header)
    return text.getvalue()


def _npy_rows(rows: Array) -> ByteArray:
    return np.ascontiguousarray(rows).view(np.uint8).ravel()


def _csv_header(names: Sequence[str]) -> bytearray:
    if isinstance(names, SignalNames) and (row := names.header_line(b";")) is not None:
        return bytearray(row) + b";\n"
    line, rest = bytearray(), iter(names)
    while some := "".join(f"{quote_cell(name)};" for name in islice(rest, _CELLS_PER_BLOCK)):
        line += some.encode("utf-8", "surrogateescape")
    return line + b"\n"


def _csv_rows(rows: Array) -> ByteArray:
    from hpc_kernels.tables.csv.format_number import CELLS_PER_BATCH, LONGEST_CELL, format_cells  # noqa: PLC0415 (not for .npy)

    text = np.empty(rows.size * LONGEST_CELL + len(rows) + TEXT_PADDING, np.uint8)
    scratch = np.empty(CELLS_PER_BATCH, np.uint64), np.empty(CELLS_PER_BATCH, np.int64)
    return text[: format_cells(rows.ravel(), rows.shape[1], text, *scratch)]


def _timed_rows(rows: Array, times: bytes) -> ByteArray:
    """Return the text of rows that begin with a time."""
    from hpc_kernels.tables.csv.format_number import CELLS_PER_BATCH, LONGEST_CELL  # noqa: PLC0415 (not for .npy)
    from hpc_kernels.tables.csv.timed_rows import format_timed_rows  # noqa: PLC0415 (seldom)

    text = np.empty(rows.size * LONGEST_CELL + 2 * len(rows) + len(times) + TEXT_PADDING, np.uint8)
    scratch = np.empty(CELLS_PER_BATCH, np.uint64), np.empty(CELLS_PER_BATCH, np.int64)
    lines = np.frombuffer(times, np.uint8)
    return text[: format_timed_rows(np.ascontiguousarray(rows), lines, text, *scratch)]


def quote_cell(name: str) -> str:
    """Return `name` as a cell: in quotes where it holds a separator, a quote or a line break."""
    if any(c in name for c in ';"\r\n'):
        return '"' + name.replace('"', '""') + '"'
    return name
