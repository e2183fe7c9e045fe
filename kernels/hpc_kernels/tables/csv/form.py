"""Form of the rows of a CSV table: marks between and inside of cells, and the columns that are read."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BLANKS = b" "  # as the separator: runs of them


@dataclass(frozen=True)
class RowForm:
    """How rows are read that are not plain: `width` cells, of which `kept` are signals and one is a time.

    A plain table has no form: all of its cells are numbers with a decimal point.
    """

    separator: bytes
    decimal: bytes
    width: int
    kept: tuple[int, ...]
    time: int = -1
    fills: bool = False  # whether a missing cell is read as nan

    @property
    def is_plain(self) -> bool:
        """Whether the parser of plain rows reads these rows."""
        every = self.kept == tuple(range(self.width))
        return (
            every and self.decimal == b"." and self.separator != BLANKS and self.time < 0 and not self.fills
        )

    @cached_property
    def kept_columns(self) -> NDArray[np.int64]:
        """The columns of the signals as an array."""
        return np.array(self.kept, np.int64)

    @cached_property
    def other_columns(self) -> NDArray[np.int64]:
        """The columns that are no signals as an array."""
        return np.setdiff1d(np.arange(self.width), self.kept_columns)
