"""Preview of a table: extremes of stretches of its signals over an axis, and the file format that holds it.

A preview is one line of JSON, then numbers of double precision in little-endian order: the axis, and of each
signal its least and its greatest samples; once where a stretch is one sample. nan is a missing number.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from hpc_kernels.arrays import Array

PREVIEW_VERSION = 1
STRETCHES = 2000
_LEAST_STRETCHES = 200
_MOST_SIGNALS = 4096
_LONGEST_NAME = 200
_SIGNALS_AT_ONCE = 64


@dataclass(frozen=True)
class Axis:
    """The axis of a preview: its name, its unit, and the value at the start of each stretch."""

    name: str
    unit: str
    values: Array


@dataclass(frozen=True)
class PreviewSize:
    """The numbers of signals and of stretches that a preview shows."""

    signals: int
    stretches: int


def preview_size(signals: int, samples: int, pairs: int) -> PreviewSize:
    """Return the size of a preview of at most so many pairs of extremes; wide tables get fewer stretches."""
    shown = min(signals, _MOST_SIGNALS)
    stretches = min(samples, STRETCHES, max(_LEAST_STRETCHES, pairs // shown))
    return PreviewSize(min(shown, max(1, pairs // stretches)), stretches)


@dataclass(frozen=True)
class Preview:
    """The extremes of the first signals, each (signals, stretches), and the names and units of these."""

    service: str
    axis: Axis
    names: Sequence[str]
    units: Sequence[str]
    least: Array
    greatest: Array
    samples: int
    signals_total: int

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the file, some signals at a time."""
        is_single = self.least.shape[1] == self.samples
        sides = (self.least,) if is_single else (self.least, self.greatest)
        yield self._header(single=is_single)
        yield self._axis()
        for start in range(0, len(self.least), _SIGNALS_AT_ONCE):
            some = [side[start : start + _SIGNALS_AT_ONCE] for side in sides]
            yield np.stack(some, axis=1).astype("<f8", copy=False).tobytes()

    def _axis(self) -> bytes:
        return np.asarray(self.axis.values, "<f8").tobytes()

    def _header(self, *, single: bool) -> bytes:
        shown = len(self.least)
        units = [_short(unit) for unit in islice(self.units, shown)] or [""] * shown
        document = {
            "version": PREVIEW_VERSION,
            "service": self.service,
            "points": self.least.shape[1],
            "single": single,
            "samples": self.samples,
            "signals_total": self.signals_total,
            "x": {"name": _short(self.axis.name), "unit": _short(self.axis.unit)},
            "names": [_short(name) for name in islice(self.names, shown)],
            "units": units,
        }
        return json.dumps(document).encode() + b"\n"


def _short(text: str) -> str:
    """Return a text of UTF-8 that is not too long for a legend."""
    return text[:_LONGEST_NAME].encode("utf-8", "replace").decode()
