"""HTTP headers: the lines of a request, and the head of an answer parsed from its lines."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.egress.bounds import LONGEST_NUMBER
from gateway.errors import Fault, StorageError

_FINAL = "2"  # the least status of a final answer; 1xx are interim
_DISABLED = {"accept": "Accept:", "expect": "Expect:"}  # libcurl's defaults, turned off
_LAST_OF_LATIN_1 = "\xff"
_UNSENDABLE = (
    "the request has a character that no header can carry, such as a line break or a letter beyond Latin-1:"
    " check access_key, secret_key and region"
)
_SENT_BY_LIBCURL = frozenset({"content-length", "expect"})  # of a body


def parse_length(text: str) -> int | None:
    """Return the number of bytes that a header gives; None for any other text."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


class ResponseHead(NamedTuple):
    """Status and headers of an answer."""

    status: int
    reason: str
    headers: dict[str, str]


def request_lines(headers: Mapping[str, str | bytes]) -> list[bytes]:
    """Return the header lines of a request.

    Raises
    ------
    StorageError
        When one would not stay one line, or holds a character beyond Latin-1. An error of the encoding
        itself would quote the headers.
    """
    named = {name.lower(): _line(name, value) for name, value in headers.items()}
    lines = [
        line for name, line in (_DISABLED | named).items() if name not in named.keys() & _SENT_BY_LIBCURL
    ]
    text = "\n".join(lines)
    if text.count("\n") >= len(lines) or "\r" in text or "\0" in text or max(text) > _LAST_OF_LATIN_1:
        raise StorageError(_UNSENDABLE, Fault.NAME)
    return text.encode("latin-1").split(b"\n")


def _line(name: str, value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return f"{name}: {text}" if text else f"{name};"


def is_final_status(line: bytes) -> bool:
    """Return whether the line is the first one of a final answer."""
    return line.startswith(b"HTTP/") and _status_of(line.decode("latin-1")) >= _FINAL


def _status_of(line: str) -> str:
    """Return code and reason of a status line; libcurl takes a tab for a space."""
    return line.replace("\t", " ").partition(" ")[2]


def response_head(lines: Sequence[bytes]) -> ResponseHead | None:
    """Return the head of the final answer, once its last line has come."""
    text = b"".join(lines).decode("latin-1").replace("\r\n", "\n")
    for block in text.split("\n\n")[:-1]:
        first, *rest = block.split("\n")
        status = _status_of(first)
        if status >= _FINAL:
            return ResponseHead(int(status[:3]), status[4:].strip(), _join_lines(rest))
    return None


def _join_lines(lines: Sequence[str]) -> dict[str, str]:
    """Return the headers; the different values of one name are joined by commas, as RFC 9110 has it."""
    values: dict[str, dict[str, None]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        values.setdefault(name.lower(), {})[value.strip()] = None
    return {name: ", ".join(found) for name, found in values.items()}
