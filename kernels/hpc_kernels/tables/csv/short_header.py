"""Refusal of a header that lacks the name of its first column, as R's write.table leaves it."""

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.csv.cell_kinds import are_numbers, counts_up, is_number
from hpc_kernels.tables.csv.cells import split_cells, text_of
from hpc_kernels.tables.csv.form import BLANKS
from hpc_kernels.tables.csv.head import Head

_SEPARATORS = (b";", b"\t", b",", BLANKS)
_LOOKED_AT = 8
_MOST_BYTES = 1 << 14


def refuse_short_header(head: Head) -> None:
    """Raise `BadInputError` where each row has a cell more than the header, at first a name or a count."""
    for separator in _SEPARATORS:
        names = list(map(text_of, split_cells(head.header, separator)))
        lines = [line[:_MOST_BYTES] for line in head.lines[:_LOOKED_AT]]
        rows = [list(map(text_of, split_cells(line, separator))) for line in lines]
        if (
            not rows
            or len(names) == 1
            or any(map(is_number, names))
            or any(len(row) != len(names) + 1 for row in rows)
        ):
            continue
        first = [row[0] for row in rows]
        if all(are_numbers(row[1:], ".") for row in rows) and (
            counts_up(first) or not any(map(is_number, first))
        ):
            raise BadInputError(
                f"{head.file}: row {head.row}: expected a name above each column, found {len(names)} names"
                f" above {len(rows[0])} columns; name the first one too (in R: col.names = NA)"
            )
