"""Refusals of a table as a whole, each with the option or the way that helps."""

from collections.abc import Sequence

from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.tables.csv.cell_kinds import are_numbers
from hpc_kernels.tables.csv.head import Head
from hpc_kernels.tables.reading_options import ReadingOptions


def doubled_mark(head: Head) -> BadInputError:
    """Return the refusal of a comma that separates cells and is a decimal mark."""
    return BadInputError(
        f"{head.file}: row {head.row}: found cells separated by commas, and params.table.decimal is a comma;"
        " choose a decimal point, or write the table with another separator and name it with"
        " params.table.separator"
    )


def wrong_mark(head: Head, named: bytes, found: bytes) -> BadInputError:
    """Return the refusal of a line `sep=` with a separator that separates nothing."""
    return BadInputError(
        f"{head.file}: row {head.row}: expected cells separated by {named.decode()!r} as the line sep= says,"
        f" found {found.decode()!r} between them; set params.table.separator"
    )


def names_without_header(head: Head, header: Sequence[str]) -> BadInputError:
    """Return the refusal of a first row of texts where `params.table.header` is false."""
    shown = ", ".join(header[:3])
    return BadInputError(
        f"{head.file}: row {head.row}: expected a sample, found texts ({shown}); params.table.header is"
        " false, set it to true if they are names"
    )


def no_samples(head: Head, header: Sequence[str]) -> BadInputError:
    """Return the refusal of a header alone."""
    way = ""
    if are_numbers(header):
        shown = ", ".join(header[:3])
        told = f"; row {head.row} ({shown}) is read as names"
        way = f"{told}: if it is a sample, set params.table.header to false"
    return BadInputError(f"{head.file}: row {head.first_row}: expected at least one sample, found none{way}")


def no_signal(head: Head, options: ReadingOptions) -> BadInputError:
    """Return the refusal of a table of which the options leave no signal."""
    found = "none"
    if options.columns:
        found = "the time in params.table.columns"
    elif options.skip:
        found = "none that params.table.skip leaves"
    return BadInputError(f"{head.file}: expected at least one signal beside the time, found {found}")


def skipped_time(head: Head, name: str) -> BadInputError:
    """Return the refusal of a column that is named as the time and left out."""
    return BadInputError(f"{head.file}: params.table.time_column and params.table.skip both name {name!r}")


def no_dates(head: Head, names: Sequence[str]) -> BadInputError:
    """Return the refusal of prices without dates."""
    where = cell_place(head.file, head.first_row, 0, names[0])
    return BadInputError(
        f"{where}: expected a first column of dates beside the prices, found none; params.table.time_column"
        " names another one"
    )
