"""The table of the members of a sweep as CSV: parameters, state, outputs and usage, one line each.

Spreadsheets take a cell that begins with one of a few characters for a formula: one that is no number
begins with a quote instead.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from gateway.jobs.folders import output_name
from gateway.models import JobMember

TABLE = "members.csv"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_USAGE = ("wall_s", "cpu_s", "memory_peak_bytes")


def member_table(members: Sequence[JobMember]) -> str:
    """Return the table; the columns of parameters are all those that a member has."""
    params = [_flatten(member.params) for member in members]
    keys = sorted({key for each in params for key in each})
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    names = ["member", "state", "exit_code", *(f"params.{key}" for key in keys), *_USAGE, "outputs", "reason"]
    writer.writerow(map(_cell, names))
    for member, own in zip(members, params, strict=True):
        usage = member.usage or {}
        cells = [
            *(output_name(member), str(member.state), member.exit_code),
            *(own.get(key) for key in keys),
            *(usage.get(key) for key in _USAGE),
            *(" ".join(_outputs(member)), member.reason),
        ]
        writer.writerow(map(_cell, cells))
    return text.getvalue()


def _outputs(member: JobMember) -> list[str]:
    """Return the member's files by their names below the place of the results."""
    return [
        f"{output_name(member)}/{each['service']}{PurePosixPath(each['path']).suffix}"
        for each in member.outputs
    ]


def _flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested parameters by their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        flat |= _flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
