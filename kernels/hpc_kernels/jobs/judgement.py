"""The judgement of a table as a document: its format, time, signals, size, missing cells and problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hpc_kernels.tables.previews.preview import Preview

PAIRS = 1 << 16  # of extremes in a preview: at most 1 MiB
MOST_NAMES = 1000
_MOST_WARNINGS = 50
_LONGEST = 500


@dataclass(frozen=True)
class Judgement:
    """Facts about a table; None where one is not known.

    `layout` is `sensor_table`, or `asset_pairs` for pairs of dates and prices, and for a plain price file
    with a problem beside its prices. `helps` names the option of `params.table` with which the problem is
    none.
    """

    path: Path
    whole: bool
    format: str | None = None
    packed: str | None = None
    layout: str = "sensor_table"
    separator: str | None = None
    decimal: str | None = None
    header: bool | None = None
    time_column: str | None = None
    rate: float | None = None
    units: Sequence[str] = ()
    signals: Sequence[str] = ()
    samples: int | None = None
    missing: int | None = None
    problem: str | None = None
    helps: str | None = None
    warnings: Sequence[str] = ()
    preview: Preview | None = None

    def document(self) -> dict[str, Any]:
        """Return the document; of many signals it lists the first ones."""
        cut = {
            "signals": _texts(self.signals, MOST_NAMES),
            "units": _texts(self.units, MOST_NAMES),
            "warnings": _texts(self.warnings, _MOST_WARNINGS),
        }
        plain = {
            name: value
            for name, value in vars(self).items()
            if name not in {"path", "preview"} and name not in cut
        }
        return plain | cut | {"signals_total": len(self.signals)}


def _texts(texts: Sequence[str], most: int) -> list[str]:
    """Return the first texts, each of UTF-8 and of a bounded length."""
    return [text[:_LONGEST].encode("utf-8", "replace").decode() for text in islice(texts, most)]
