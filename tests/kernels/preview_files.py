"""A preview file, read as its format says."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpc_kernels.arrays import Array


@dataclass(frozen=True)
class PreviewFile:
    header: dict[str, Any]
    axis: Array
    least: Array
    greatest: Array


def decode_preview(data: bytes) -> PreviewFile:
    line, _, numbers = data.partition(b"\n")
    header = json.loads(line)
    points, signals, sides = header["points"], len(header["names"]), 2 - header["single"]
    values = np.frombuffer(numbers, "<f8")
    assert len(values) == points * (1 + sides * signals)
    pairs = values[points:].reshape(signals, sides, points)
    return PreviewFile(header, values[:points], pairs[:, 0], pairs[:, -1])


def read_preview(path: Path) -> PreviewFile:
    return decode_preview(path.read_bytes())
