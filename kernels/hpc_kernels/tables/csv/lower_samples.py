"""Refusal of a table with more rows above its samples than names and units."""

from collections.abc import Iterator, Sequence
from itertools import islice

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.csv.cell_kinds import is_known, is_number
from hpc_kernels.tables.csv.cells import split_cells, text_of, without_trailing
from hpc_kernels.tables.csv.form import BLANKS
from hpc_kernels.tables.csv.head import Head

_SEPARATORS = (b";", b"\t", b",", b"|", BLANKS)
_ALIKE = 2  # rows of as many known cells, of which one is a number
_LOOKED_AT, _MOST_BYTES = 60, 1 << 14
_UNITS = 1


def refuse_rows_above(head: Head) -> None:
    """Raise `BadInputError` where several rows of texts stand between the first row and the samples."""
    lines = [line[:_MOST_BYTES] for line in head.lines[:_LOOKED_AT]]
    for separator in _SEPARATORS:
        rows = (list(map(text_of, without_trailing(split_cells(line, separator)))) for line in lines)
        above, below = _parted(rows)
        texts = [row for row in above if not all(map(is_known, row))]
        enough = min(_ALIKE, len(lines) - len(above))
        if not (_are_samples(below) and len(below) == enough and _stand_above_numbers(texts, below[0])):
            continue
        if len(texts) > _UNITS or _is_narrow(head, separator, texts, below):
            raise _refusal(head, head.first_row + len(above))


def _is_narrow(head: Head, separator: bytes, texts: Sequence[list[str]], below: Sequence[list[str]]) -> bool:
    """Return whether the first row has fewer cells, or names, than the row below it and the samples."""
    header = list(map(text_of, without_trailing(split_cells(head.header, separator))))
    if not texts or len(texts[-1]) != len(below[0]):
        return False
    return len(header) < len(below[0]) or any(
        not name and text for name, text in zip(header, texts[-1], strict=False)
    )


def _stand_above_numbers(texts: Sequence[list[str]], sample: list[str]) -> bool:
    """Return whether a text stands in a column of numbers, not in one of remarks alone."""
    columns = [i for i, cell in enumerate(sample) if is_number(cell)]
    return any(not is_known(row[i]) for row in texts for i in columns if i < len(row))


def _parted(rows: Iterator[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Return the rows above the first number, and the first ones from there on."""
    above: list[list[str]] = []
    for row in rows:
        if any(map(is_number, row)):
            return above, [row, *islice(rows, _ALIKE - 1)]
        above.append(row)
    return above, []


def _are_samples(rows: Sequence[list[str]]) -> bool:
    return (
        bool(rows)
        and len(rows[0]) == len(rows[-1]) > 1
        and all(all(map(is_known, row)) and any(map(is_number, row)) for row in rows)
    )


def _refusal(head: Head, row: int) -> BadInputError:
    return BadInputError(
        f"{head.file}: row {head.row}: expected one row of names, maybe one of units, and the samples below;"
        f" the samples begin in row {row}: leave out the rows above it that hold something else"
    )
