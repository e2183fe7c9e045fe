"""Bounds of an input table: bytes of a cell, of a row and of a header, and the number of columns."""

from hpc_kernels.errors import BadInputError

LONGEST_CELL = 1 << 17  # bytes; also the csv module's limit of a field
LONGEST_ROW = 1 << 25  # bytes: 2^20 numbers of full length and their separators
LONGEST_HEADER = 1 << 24  # bytes
LONGEST_LABELS = 1 << 25  # bytes of a label file: the names of a header, each with a label
MOST_COLUMNS = 1 << 20


def check_columns(file: str, columns: int) -> None:
    """Raise `BadInputError` for more than `MOST_COLUMNS` columns."""
    if columns > MOST_COLUMNS:
        raise BadInputError(f"{file}: expected at most {MOST_COLUMNS:,} columns, found {columns:,}")


def long_header(file: str) -> BadInputError:
    """Return the error of a header that is longer than `LONGEST_HEADER`."""
    return BadInputError(f"{file}: row 1: expected at most {LONGEST_HEADER:,} bytes, found a longer row")
