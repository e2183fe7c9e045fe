"""The bytes of a preview, made as its format says."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any


def preview_bytes(
    axis: Sequence[float], signals: Mapping[str, tuple[Sequence[float], Sequence[float]]], **changes: Any
) -> bytes:
    header = {
        "version": 1,
        "service": "kalman",
        "points": len(axis),
        "single": False,
        "samples": 10 * len(axis),
        "signals_total": len(signals),
        "x": {"name": "sample", "unit": ""},
        "names": list(signals),
        "units": ["V"] * len(signals),
    }
    numbers = [*axis, *(value for sides in signals.values() for side in sides for value in side)]
    return json.dumps(header | changes).encode() + b"\n" + struct.pack(f"<{len(numbers)}d", *numbers)
