"""The heads of HTTP messages: header lines as they are sent, and an answer's as they have come."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_FINAL = 200  # where the answers begin that are not just a word in between
_FORBIDDEN = frozenset("\r\n\0")
# Of our own making, where libcurl would say something else: no compression, no wish, no question.
_USUAL = {"accept-encoding": b"Accept-Encoding: identity", "accept": b"Accept:", "expect": b"Expect:"}
_TOLD_APART = "content-length"  # libcurl says it of the body that it is given


class Head(NamedTuple):
    """What comes before the body of an answer."""

    status: int
    reason: str
    headers: dict[str, str]


def lines_of(headers: Mapping[str, Any]) -> list[bytes]:
    """Return the header lines of a request.

    Raises
    ------
    ValueError
        When one would not stay one line.
    """
    lines, usual = list[bytes](), dict(_USUAL)
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if not _FORBIDDEN.isdisjoint(name + text):
            raise ValueError(f"the header {name!r} holds a line break")
        usual.pop(name.lower(), None)
        if name.lower() != _TOLD_APART:
            lines.append((f"{name}: {text}" if text else f"{name};").encode("latin-1"))
    return lines + list(usual.values())


def head_of(lines: Sequence[bytes]) -> Head | None:
    """Return the head that the lines hold, once they hold all of it."""
    start = 0
    for number, line in enumerate(lines):
        if line.strip():
            continue
        _, _, told = lines[start].partition(b" ")
        status, _, reason = told.decode("latin-1").strip().partition(" ")
        if int(status) >= _FINAL:
            return Head(int(status), reason, _headers(lines[start + 1 : number]))
        start = number + 1
    return None


def _headers(lines: Sequence[bytes]) -> dict[str, str]:
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
