"""An open CSV table: its rows, the names of its signals and the form of its rows, as it was understood."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hpc_kernels.tables.csv.form import RowForm
from hpc_kernels.tables.csv.pieces import TextRows


@dataclass(frozen=True)
class CsvTable:
    """An open table: its text, signals and separator.

    `form` is None for a plain table. `columns` are the names of all columns, `units` those of the signals.
    """

    text: TextRows
    names: Sequence[str]
    first_row: int
    separator: bytes
    form: RowForm | None = None
    columns: Sequence[str] = ()
    time_name: str = ""
    time_order: str = ""
    units: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    has_header: bool = True

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.text.source.file

    @property
    def least_cells(self) -> int:
        """Bytes that a row takes at least: a number and its separator, or the separators alone."""
        return 2 * len(self.names) if self.form is None else self.form.width
