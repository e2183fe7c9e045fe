"""Refusal of a cell of the time column that is no time, as a line of sums below the rows has it."""

from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.tables.csv.strict import show_cell
from hpc_kernels.tables.csv.table import CsvTable
from hpc_kernels.tables.time_column import TimeColumn


def refuse_odd_times(table: CsvTable, times: TimeColumn, *, dropped: bool = False) -> None:
    """Raise `BadInputError` for the first cell that is no time as those of the first rows are.

    The rows of the file are not known if some may be `dropped`.
    """
    found = times.first_odd()
    if found is None or table.form is None:
        return
    number, text = found
    column = table.form.time
    where = cell_place(table.file, table.first_row + number, column, table.time_name)
    if dropped:
        where = f"{table.file}: column {column + 1} ({table.time_name!r})"
    raise BadInputError(
        f"{where}: expected a time as in the rows above, found {show_cell(text.encode())}; leave the row out,"
        " or name the column with params.table.time_column, which carries it along as it is"
    )
