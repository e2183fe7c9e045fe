"""The preview of a table as a picture needs it: finite numbers or gaps, and labels that control nothing."""

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LONGEST_LABEL = 60


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


Value = Annotated[float | None, AfterValidator(_finite)]


class Line(BaseModel):
    """A quantity with its unit, both as the header of the table has them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    unit: str = ""

    @property
    def label(self) -> str:
        """Name and unit as one printable line that is not too long."""
        text = f"{self.name} [{self.unit}]" if self.unit else self.name
        text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
        return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


class Axis(Line):
    """The axis of all signals."""

    values: list[Value] = Field(min_length=1)


class Signal(Line):
    """The smallest and the largest sample of each stretch; none where all are missing."""

    min: list[Value]
    max: list[Value]


class Preview(BaseModel):
    """The extremes of the stretches of a table."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    service: str = ""
    x: Axis
    signals: list[Signal] = Field(min_length=1)
    samples: int = 0
    signals_total: int = 0

    @model_validator(mode="after")
    def _check_lengths(self) -> "Preview":
        if any(len(side) != len(self.x.values) for each in self.signals for side in (each.min, each.max)):
            raise ValueError("expected a value of each signal for each value of the axis")
        return self

    def title(self, shown: int) -> str:
        """Return the title of a picture with that many signals."""
        service = Line(name=self.service).label
        total = max(self.signals_total, len(self.signals))
        count = f"{shown} of {total:,} signals" if shown < total else f"{total:,} signals"
        return ", ".join(filter(None, (service, count, f"{self.samples:,} samples")))


def bounds(*sides: Sequence[float | None]) -> tuple[float, float]:
    """Return the smallest and the largest value, apart from each other; 0 and 1 where there is none."""
    known = [value for side in sides for value in side if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def number(value: float | None) -> str:
    """Return a number for people."""
    return "" if value is None else f"{value:.4g}"


def share(value: float, within: tuple[float, float]) -> float:
    """Return the place of a value between two others; halves keep large ones finite."""
    return (value / 2 - within[0] / 2) / (within[1] / 2 - within[0] / 2)
