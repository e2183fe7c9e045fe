"""Cells of one CSV row: split at separators outside of quotes, and read as text."""

import re
from functools import cache

from hpc_kernels.tables.csv.form import BLANKS

_QUOTED = rb'"(?:[^"]++|"")*+"'  # possessive: nothing is remembered of a cell of megabytes


def split_cells(line: bytes, separator: bytes) -> list[bytes]:
    """Return the cells of a row byte for byte, quotes included; a separator may stand in a quoted cell."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if b'"' in line:
        return _cell(separator).findall(line)
    return line.split() if separator == BLANKS else line.split(separator)


@cache
def _cell(separator: bytes) -> "re.Pattern[bytes]":
    if separator == BLANKS:
        return re.compile(rb"%b|[^ \t]+" % _QUOTED)
    other = b"[^%b]*" % re.escape(separator)
    return re.compile(rb"(?:^|(?<=%b))([ \t]*%b%b|%b)" % (re.escape(separator), _QUOTED, other, other))


def without_trailing(cells: list[bytes]) -> list[bytes]:
    """Return the cells without a blank one at the end, which a trailing separator makes."""
    return cells[:-1] if len(cells) > 1 and not cells[-1].strip() else cells


def unquoted(cell: bytes) -> bytes:
    """Return the content of a cell without blanks and quotes around it."""
    cell = cell.strip(b" \t\r")
    if len(cell) > 1 and cell[:1] == cell[-1:] == b'"':
        return cell[1:-1].replace(b'""', b'"').strip(b" \t")
    return cell


def text_of(cell: bytes) -> str:
    """Return the content of a cell as text; bytes that are not UTF-8 come back when it is encoded."""
    return unquoted(cell).decode("utf-8", "surrogateescape")
