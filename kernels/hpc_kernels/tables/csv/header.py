"""Header of a CSV sensor table: its end, the names of the signals, and the separator."""

import csv
import re

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.bounds import LONGEST_CELL, LONGEST_HEADER, check_columns, long_header
from hpc_kernels.tables.csv.source import TextSource
from hpc_kernels.tables.names import SignalNames

_QUOTED = r'(?:"[^"]*+")++'  # at the start of a cell; a quote inside one is an ordinary character
_HEADER = re.compile(rf"(?:(?:{_QUOTED})?+[^;,\t\n]*+[;,\t]?+)*+\n?".encode())


def read_header(source: TextSource, start: int, stop: int) -> bytes:
    """Return the first row; a quoted name may contain line breaks.

    Raises
    ------
    BadInputError
        If it is longer than `LONGEST_HEADER`.
    """
    last = min(stop, start + LONGEST_HEADER)
    header = source.read_at(start, source.find_line_end(start, last) - start)
    if b'"' in header:
        header = _quoted_header(source, start, last)
    if start + len(header) == last < stop and not header.endswith(b"\n"):
        raise long_header(source.file)
    return header


def _quoted_header(source: TextSource, start: int, stop: int) -> bytes:
    size = 2 * LONGEST_CELL
    while True:
        text = source.read_at(start, min(size, stop - start))
        found = _HEADER.match(text)
        end = found.end() if found else 0
        if end + LONGEST_CELL <= len(text) or size >= stop - start:
            return text[:end]
        size *= 8


def parse_header(file: str, header: bytes) -> tuple[SignalNames, bytes]:
    """Return the names of the signals and the separator.

    Raises
    ------
    BadInputError
        If there is no name, a quote is open, or there are more than `MOST_COLUMNS`.
    """
    line = header.rstrip(b"\r\n")
    separator = detect_separator(file, line)
    check_columns(file, line.count(separator))
    names = None if b'"' in line or b"\r" in line else _plain(line, separator)
    if names is None or names.longest > LONGEST_CELL:
        names = _cells(file, line, separator)
    if not names.longest:
        raise BadInputError(f"{file}: row 1: expected the names of the signals, found a blank line")
    return names, separator


def detect_separator(file: str, line: bytes) -> bytes:
    """Return the first of semicolon, tab and comma that stands outside of quotes, else a semicolon."""
    quoted = b'"' in line  # the search for quoted names costs more than the rest of this function
    unquoted = re.sub(rf"(?:^|(?<=[;\t,])){_QUOTED}".encode(), b"", line) if quoted else line
    separator = next((s for s in (b";", b"\t", b",") if s in unquoted), b";")
    if quoted and re.search(rb'(?:^|%b)"' % separator, unquoted):
        raise BadInputError(f"{file}: row 1: expected the end of a quoted name, found none")
    return separator


def _plain(line: bytes, separator: bytes) -> SignalNames:
    """Split a line without quotes; a last separator may end it."""
    last = line.rfind(separator)
    trailing = last >= 0 and not _text(line[last + 1 :]).strip()
    return SignalNames(line[:last] if trailing else line, separator)


def _cells(file: str, line: bytes, separator: bytes) -> SignalNames:
    """Split a line by the csv module; its errors become bad input."""
    try:
        names = next(csv.reader([_text(line)], delimiter=_text(separator)), [])
    except csv.Error as error:
        raise BadInputError(f"{file}: row 1: expected the names of the signals: {error}") from error
    if len(names) > 1 and not names[-1].strip():
        names.pop()
    return SignalNames.from_strings(names)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
