"""The heads of HTTP messages: header lines as they are sent, and an answer's as they have come."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_FINAL = "2"  # what a status begins with, or something greater, that is not just a word in between
_UNSAID = {"accept": "Accept:", "expect": "Expect:"}  # what libcurl would say unasked
_TOLD_APART = frozenset({"content-length", "expect"})  # libcurl says these of a body by itself


class ResponseHead(NamedTuple):
    """What comes before the body of an answer."""

    status: int
    reason: str
    headers: dict[str, str]


def request_lines(headers: Mapping[str, Any]) -> list[bytes]:
    """Return the header lines of a request.

    Raises
    ------
    ValueError
        When one would not stay one line.
    """
    named = {name.lower(): _line(name, value) for name, value in headers.items()}
    lines = [line for name, line in (_UNSAID | named).items() if name not in named.keys() & _TOLD_APART]
    text = "\n".join(lines)
    if text.count("\n") >= len(lines) or "\r" in text or "\0" in text:
        raise ValueError("a header holds a line break")
    return text.encode("latin-1").split(b"\n")


def _line(name: str, value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return f"{name}: {text}" if text else f"{name};"


def response_head(lines: Sequence[bytes]) -> ResponseHead | None:
    """Return the head that the lines hold, once they hold all of it."""
    text = b"".join(lines).decode("latin-1").replace("\r\n", "\n")
    for block in text.split("\n\n")[:-1]:
        first, *rest = block.split("\n")
        _, _, told = first.partition(" ")
        if told >= _FINAL:
            pairs = (line.partition(":") for line in rest)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            return ResponseHead(int(told[:3]), told[4:].strip(), headers)
    return None
