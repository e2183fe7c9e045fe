"""All fields of a row for people: times, sizes, usage and parameters in words, each in a line of its own."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import BaseModel

from hpc_gateway_client.commands import output
from hpc_gateway_client.models import Job, Transfer, Workflow

Line = tuple[str, str]
_HIDDEN = {"status", "success", "message_id"}


def describe_row(row: Transfer | Job | Workflow) -> list[Line]:
    """Return names and values of the fields that have one."""
    lines: list[Line] = []
    for name, value in row:
        if name not in _HIDDEN:
            lines += _lines(name, value)
    return lines


def _lines(name: str, value: object) -> Iterator[Line]:
    """Yield a line for a plain value, and one for each entry of a list or a mapping."""
    if value is None or value in ("", [], {}):
        return
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _lines(f"{name}.{key}", part)
    elif isinstance(value, list) and all(isinstance(part, str) for part in value):
        yield name, ", ".join(value) if name == "services" else "\n".join(value)
    elif isinstance(value, list):
        for part in value:
            yield name, _sentence(part)
    else:
        yield name, text_of(name, value)


def _sentence(part: object) -> str:
    """Return an entry of a list: the values of a part of an answer in a row."""
    if isinstance(part, BaseModel):
        part = dict(part)
    if isinstance(part, Mapping):
        return "  ".join(text_of(name, value) for name, value in part.items() if value not in (None, ""))
    return str(part)


def text_of(name: str, value: object) -> str:
    """Return a value in the words of its field's unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S} ({output.age(value)} ago)"
    if isinstance(value, int | float) and name.endswith("bytes_per_s"):
        return f"{output.size_text(int(value))}/s"
    if isinstance(value, int | float) and ("bytes" in name):
        return output.size_text(int(value))
    if isinstance(value, int | float) and name.endswith("_s"):
        return output.seconds_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
