"""The head of a table: header and first rows, as bytes and as the texts of their cells."""

from dataclasses import dataclass
from functools import cached_property

from hpc_kernels.tables.csv.cells import split_cells, text_of, without_trailing
from hpc_kernels.tables.csv.header import read_header
from hpc_kernels.tables.csv.source import TextSource

_SAMPLE = 1 << 16  # bytes below the header
_LONG_ROW = 1 << 20  # bytes; of a longer row the first cells are looked at
_MOST_ROWS, _LEAST_ROWS = 200, 8
_MOST_CELLS = 2000  # of a table of many columns: the judgement takes a microsecond or two a cell


@dataclass(frozen=True)
class Head:
    """First row of a text and the rows below it that were looked at; `body` is the byte where those begin."""

    file: str
    row: int
    header: bytes
    body: int
    lines: tuple[bytes, ...]
    is_cut: bool = False  # in its only row below the header

    @property
    def first_row(self) -> int:
        """The number of the row below the header."""
        return self.row + self.header.count(b"\n") + (not self.header.endswith(b"\n") and bool(self.header))

    def split(self, separator: bytes) -> "SplitHead":
        """Return the head with its rows split into cells."""
        header = without_trailing(split_cells(self.header, separator))
        some = self.lines[: max(_LEAST_ROWS, _MOST_CELLS // max(1, len(header)))]
        rows = (split_cells(line, separator) for line in some)
        trimmed = (without_trailing(row) if len(row) == len(header) + 1 else row for row in rows)
        texts = [list(map(text_of, row)) for row in trimmed]
        return SplitHead(list(map(text_of, header)), [row[:-1] for row in texts] if self.is_cut else texts)


@dataclass(frozen=True)
class SplitHead:
    """Texts of the cells of header and first rows, without the blank cell behind a trailing separator."""

    header: list[str]
    rows: list[list[str]]

    @cached_property
    def width(self) -> int:
        """The number of cells of the header."""
        return len(self.header)

    def column(self, column: int) -> list[str]:
        """Return the cells of a column, of the rows that have it."""
        return [row[column] for row in self.rows if column < len(row)]


def read_head(source: TextSource, start: int, stop: int, row: int) -> Head:
    """Read header and first rows of the text between two bytes.

    Raises
    ------
    BadInputError
        If the header is too long.
    """
    header = read_header(source, start, stop)
    body = start + len(header)
    size = min(_SAMPLE, stop - body)
    text = source.read_at(body, size)
    if b"\n" not in text and size < stop - body:
        size = min(_LONG_ROW, stop - body)
        text = source.read_at(body, size)
    whole = text.rfind(b"\n") + 1 if body + size < stop else size
    lines = text[: whole or size].split(b"\n")
    kept = tuple(lines[:-1] if not lines[-1] else lines)[:_MOST_ROWS]
    return Head(source.file, row, header, body, kept, is_cut=not whole)
