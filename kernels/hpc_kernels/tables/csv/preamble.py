"""Lines before the header of a table: byte order mark, blank lines, comments, and Excel's `sep=;`."""

import re
from dataclasses import dataclass

from hpc_kernels.tables.csv.source import BUFFER_BYTES, TextSource

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?', re.IGNORECASE)
_LINE_AT_ONCE = 1 << 12
# Whole lines that are blank or short comments, many at once: a file may hold nothing else.
_SKIPPED = re.compile(rb"(?:\n++|[ \t]{0,2000}+(?:#[^\n]{0,2000}+|\r?+)\n)++")
_COMMENT = re.compile(rb"^[ \t]*+(#.*+)", re.MULTILINE)
_LOOKED_AT = 1 << 16
_RETURN_AS_BREAK = bytes.maketrans(b"\r", b"\n")
_RETURN_AS_SPACE = bytes.maketrans(b"\r", b" ")
_AS_SPACES = bytes.maketrans(b"\t\r", b"  ")


@dataclass(frozen=True)
class Preamble:
    """Where the header begins (byte, and row from 1 on), comments before it, and the separator of `sep=`.

    `comment` is the text of the last comment, blank where it is long or followed by another kind of line.
    """

    start: int
    row: int
    comments: int
    separator: bytes
    comment: bytes = b""


def read_preamble(source: TextSource) -> Preamble:
    """Return the end of the lines before the header; only their beginnings are looked at."""
    at = mark_end(source)
    row, comments, separator, comment = 1, 0, b"", b""
    while at < source.size:
        text, end, _ = source.read_at(at, _LINE_AT_ONCE).partition(b"\n")
        line = text.strip(b" \r")
        if found := _SEPARATOR_LINE.fullmatch(line):
            separator = found[1]
        elif end and (run := _SKIPPED.match(source.read_at(at, BUFFER_BYTES))):
            told = _COMMENT.findall(run[0])
            comments += len(told)
            comment = told[-1].strip(b" \r").lstrip(b"# \t") if told else comment
            at, row = at + run.end(), row + run[0].count(b"\n")
            continue
        elif line.lstrip().startswith(b"#"):
            comments, comment = comments + 1, line.lstrip(b"# \t") if end else b""
        elif line.strip():
            break
        at, row = at + len(text) + 1 if end else source.find_line_end(at, source.size), row + 1
    return Preamble(at, row, comments, separator, comment)


def mark_end(source: TextSource) -> int:
    """Return the number of bytes of the byte order mark."""
    return len(BYTE_ORDER_MARK) if source.read_at(0, 3) == BYTE_ORDER_MARK else 0


def with_line_feeds(source: TextSource) -> TextSource:
    """Return the text with a line feed for each carriage return, if its lines end in these alone.

    Doubled carriage returns, as Python's csv module leaves them on Windows, become blanks.
    """
    head = source.read_at(0, _LOOKED_AT)
    if b"\r\r\n" in head:
        return source.translated(_RETURN_AS_SPACE)
    return source.translated(_RETURN_AS_BREAK) if b"\r" in head[:-1] and b"\n" not in head else source


def with_spaces(source: TextSource) -> TextSource:
    """Return the text with a space for each tab and carriage return, for cells between runs of blanks."""
    return source.translated(_AS_SPACES)
