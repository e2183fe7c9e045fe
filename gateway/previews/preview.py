"""Previews as the kernels write them, read as hostile input, and the answer that shows a part of one."""

import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import to_json

from gateway.errors import FilesystemError, Invalid

FILE_BYTES = 16 << 20
ANSWER_BYTES = 4 << 20
LEAST_POINTS, MOST_POINTS, MOST_SIGNALS = 10, 5000, 64
_HEADER_BYTES = 4 << 20
_NUMBER_BYTES = 8
_Text = Annotated[str, Field(max_length=500)]


class _Axis(BaseModel):
    name: _Text
    unit: _Text


class _Header(BaseModel):
    version: Literal[1]
    service: _Text
    points: int = Field(ge=1, le=MOST_POINTS)
    single: bool
    samples: int = Field(ge=1)
    signals_total: int = Field(ge=1)
    x: _Axis
    names: list[_Text] = Field(min_length=1, max_length=1 << 14)
    units: list[_Text]

    @model_validator(mode="after")
    def _check_units(self) -> "_Header":
        if len(self.units) != len(self.names):
            raise ValueError("expected a unit for each name")
        return self


@dataclass(frozen=True)
class View:
    """The part of a preview that a request asks for: points, and names of signals or the first ones."""

    points: int
    signals: Sequence[str] | None


class Preview:
    """A preview file: its header, and its numbers in the order of the format (docs/kernels.md)."""

    def __init__(self, data: bytes) -> None:
        if len(data) > FILE_BYTES:
            raise _damaged(f"it has more than {FILE_BYTES:,} bytes")
        end = data.find(b"\n", 0, _HEADER_BYTES) + 1
        try:
            self._header = _Header.model_validate_json(data[:end])
        except ValidationError:
            raise _damaged("its header is none") from None
        self._numbers = array("d")
        if (len(data) - end) % _NUMBER_BYTES:
            raise _damaged("it ends within a number")
        self._numbers.frombytes(memoryview(data)[end:])
        if sys.byteorder == "big":
            self._numbers.byteswap()
        self._sides = 1 if self._header.single else 2
        expected = self._header.points * (1 + self._sides * len(self._header.names))
        if len(self._numbers) != expected:
            raise _damaged(f"expected {expected} numbers, found {len(self._numbers)}")

    def show(self, view: View) -> bytes:
        """Return the answer as JSON; one that would be too long gets fewer points."""
        chosen, points = self._choose(view.signals), min(view.points, self._header.points)
        while len(body := self._body(chosen, points)) > ANSWER_BYTES:
            points = max(1, points * ANSWER_BYTES // len(body) - 1)
        return body

    def _choose(self, names: Sequence[str] | None) -> Sequence[int]:
        known = self._header.names
        if names is None:
            return range(min(len(known), MOST_SIGNALS))
        numbers = {name: number for number, name in reversed(list(enumerate(known)))}
        if unknown := next((name for name in names if name not in numbers), None):
            shown = ", ".join(map(repr, known[:3]))
            raise Invalid(f"the preview has no signal {unknown!r}; it has {shown} ...", field="signals")
        return [numbers[name] for name in dict.fromkeys(names)]

    def _body(self, chosen: Sequence[int], points: int) -> bytes:
        header = self._header
        bounds = [k * header.points // points for k in range(points + 1)]
        answer: dict[str, Any] = {
            "service": header.service,
            "points": points,
            "x": {"name": header.x.name, "unit": header.x.unit, "values": self._axis(bounds)},
            "signals": [self._signal(number, bounds) for number in chosen],
            "samples": header.samples,
            "signals_total": header.signals_total,
        }
        return to_json(answer, inf_nan_mode="null")

    def _axis(self, bounds: Sequence[int]) -> list[float]:
        return [self._numbers[start] for start in bounds[:-1]]

    def _signal(self, number: int, bounds: Sequence[int]) -> dict[str, Any]:
        size = self._header.points
        first = size * (1 + self._sides * number)
        last = first + size * (self._sides - 1)
        return {
            "name": self._header.names[number],
            "unit": self._header.units[number],
            "min": _joined(self._numbers[first : first + size], bounds, min),
            "max": _joined(self._numbers[last : last + size], bounds, max),
        }


def _joined(values: "array[float]", bounds: Sequence[int], extreme: Any) -> list[float]:
    """Return the extreme of each group of stretches; nan where all of them are missing."""
    if len(bounds) == len(values) + 1:
        return values.tolist()
    groups = (values[a:b] for a, b in pairwise(bounds))
    if not math.isnan(sum(values)):  # the sum of both infinities would take the longer way as well
        return [extreme(group) for group in groups]
    return [extreme((v for v in group if not math.isnan(v)), default=math.nan) for group in groups]


def _damaged(what: str) -> FilesystemError:
    return FilesystemError(f"the preview is damaged: {what}")
