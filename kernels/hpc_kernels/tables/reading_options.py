"""Options of a table's reading, as `params.table` gives them or as they are without it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpc_kernels.errors import BadInputError

_SEPARATORS = {"tab": "\t", "blanks": " "}
_HEADERS = {"true": True, "false": False, "auto": None}


@dataclass(frozen=True)
class ReadingOptions:
    """How a table is read; None and empty texts stand for `auto`.

    Without `given` a table that was accepted before `params.table` existed is read as it was then.
    """

    given: bool = False
    header: bool | None = None
    separator: str = ""
    decimal: str = ""
    time_column: str = ""
    columns: tuple[str, ...] | None = None
    skip: frozenset[str] = frozenset()
    missing: str = "error"
    price: str = ""
    prices: bool = False  # of a plain price file: a date and one or more prices

    @classmethod
    def of(cls, params: Mapping[str, Any] | None) -> "ReadingOptions":
        """Return the options of a resolved `params.table`, or those of a job without it."""
        if params is None:
            return cls()
        columns, header, separator = params.get("columns"), params["header"], params["separator"]
        return cls(
            given=True,
            header=_HEADERS[header] if isinstance(header, str) else header,
            separator="" if separator == "auto" else _SEPARATORS.get(separator, separator),
            decimal="" if params["decimal"] == "auto" else params["decimal"],
            time_column="" if params["time_column"] == "auto" else params["time_column"],
            columns=None if columns is None else tuple(columns),
            skip=frozenset(params.get("skip", ())),
            missing=params["missing"],
            price=params["price"],
        )

    def of_a_query(self) -> "ReadingOptions":
        """Return the options of a file of one signal, which has names of its own."""
        time = self.time_column if self.time_column == "none" else ""
        return replace(self, columns=None, skip=frozenset(), time_column=time)

    def refuse_choices(self, file: str) -> None:
        """Raise `BadInputError` for options that a binary table does not know."""
        asked = {
            "columns": self.columns is not None,
            "skip": bool(self.skip),
            "time_column": self.time_column not in {"", "none"},
            "missing": self.missing != "error",
        }
        for option, given in asked.items():
            if given:
                raise BadInputError(
                    f"{file}: params.table.{option} counts for CSV alone; send the table as CSV"
                )


AS_BEFORE = ReadingOptions()
