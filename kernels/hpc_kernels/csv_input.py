"""Reading a CSV sensor table: byte ranges of whole rows, one per thread, straight into signals.

The text is read in pieces and never held as a whole, and a rank converts its own columns only.
"""

import csv
import gzip
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from hpc_kernels import csv_strict
from hpc_kernels.arrays import Array, on_threads
from hpc_kernels.csv_rows import ROWS_TOGETHER, count_lines, parse_rows
from hpc_kernels.errors import BadInputError
from hpc_kernels.progress import Progress

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_PIECE = 1 << 22

ReadAt = Callable[[int, int], bytes]


@dataclass(frozen=True)
class _Body:
    """The rows below the header: where they are, and how they are to be understood."""

    file: str
    read_at: ReadAt
    start: int
    stop: int
    first_row: int
    separator: bytes
    names: list[str]
    mine: range


def read(path: Path, share: Callable[[int], range], threads: int = 1) -> tuple[list[str], Array]:
    """Return the names of all signals and the shared ones as an array (signals, samples).

    Raises
    ------
    BadInputError
        With file, row, column and what was expected; rows count from 1, the header included.
    """
    if path.suffix.lower() == ".gz":
        text = _decompressed(path)
        return _read(path.name, lambda start, size: text[start : start + size], len(text), share, threads)
    with path.open("rb") as file:
        read_at = partial(_read_at, file.fileno())
        return _read(path.name, read_at, os.fstat(file.fileno()).st_size, share, threads)


def _read_at(descriptor: int, start: int, size: int) -> bytes:
    return os.pread(descriptor, size, start)


def _decompressed(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path.name}: not a whole gzip file: {error}") from error


def _read(
    file: str, read_at: ReadAt, size: int, share: Callable[[int], range], threads: int
) -> tuple[list[str], Array]:
    start = len(_BYTE_ORDER_MARK) if read_at(0, 3) == _BYTE_ORDER_MARK else 0
    stop = _end_of_text(read_at, start, size)
    if start == stop:
        raise BadInputError(f"{file}: expected a header and samples, found an empty file")
    header = _header(read_at, start, stop)
    names, separator = _names(file, header)
    body = start + len(header)
    first_row = header.count(b"\n") + (not header.endswith(b"\n")) + 1
    if body >= stop:
        raise BadInputError(f"{file}: row {first_row}: expected at least one sample, found none")
    rows = _Body(file, read_at, body, stop, first_row, separator, names, share(len(names)))
    return names, _signals(rows, threads)


def _end_of_text(read_at: ReadAt, start: int, stop: int) -> int:
    """Return where the last row ends: blank lines after it mean nothing."""
    while stop > start:
        first = max(start, stop - _PIECE)
        kept = len(read_at(first, stop - first).rstrip(_BLANK))
        stop = first + kept
        if kept:
            break
    return stop


def _header(read_at: ReadAt, start: int, stop: int) -> bytes:
    """Return the first row; a quoted name may hold a line break."""
    size = 1 << 16
    while True:
        text = read_at(start, min(size, stop - start))
        end = text.find(b"\n") + 1
        while end and text.count(b'"', 0, end) % 2:
            end = text.find(b"\n", end) + 1
        if end or size >= stop - start:
            return text[:end] if end else text
        size *= 8


def _names(file: str, header: bytes) -> tuple[list[str], bytes]:
    line = header.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    unquoted = "".join(line.split('"')[::2])
    separator = next((s for s in ";\t," if s in unquoted), ";")
    try:
        names = next(csv.reader([line], delimiter=separator), [])
    except csv.Error as error:
        raise BadInputError(f"{file}: row 1: expected the names of the signals: {error}") from error
    if len(names) > 1 and not names[-1].strip():
        names.pop()
    if not any(names):
        raise BadInputError(f"{file}: row 1: expected the names of the signals, found a blank line")
    return names, separator.encode()


def _signals(body: _Body, threads: int) -> Array:
    """Parse all rows: count the lines of each thread's range, then every thread knows its place."""
    threads = min(threads, (body.stop - body.start) // _PIECE + 1)
    bounds = [body.start + (body.stop - body.start) * i // threads for i in range(threads)]
    bounds = [body.start, *(_next_row(body, bound) for bound in bounds[1:]), body.stop]
    ranges = [pair for pair in pairwise(bounds) if pair[0] < pair[1]]
    lines = on_threads(lambda pair: _lines(body, *pair), ranges)
    first_rows = np.cumsum([0, *lines])
    signals = np.empty((len(body.mine), first_rows[-1]))
    places = [(start, stop, row) for (start, stop), row in zip(ranges, first_rows, strict=False)]
    on_threads(lambda place: _parse_range(body, signals, *place), places)
    return signals


def _next_row(body: _Body, at: int) -> int:
    """Return where the first row that begins at or after `at` begins."""
    at = max(at - 1, body.start)
    while at < body.stop:
        end = body.read_at(at, min(_PIECE, body.stop - at)).find(b"\n")
        if end >= 0:
            return at + end + 1
        at += _PIECE
    return body.stop


def _lines(body: _Body, start: int, stop: int) -> int:
    """Return the number of rows between two rows' beginnings; the last may lack its line break."""
    pieces = (body.read_at(at, min(_PIECE, stop - at)) for at in range(start, stop, _PIECE))
    breaks = sum(count_lines(np.frombuffer(piece, np.uint8)) for piece in pieces)
    return breaks + (stop == body.stop)


def _parse_range(body: _Body, signals: Array, start: int, stop: int, row: int) -> None:
    """Parse the rows between two bytes into ``signals[:, row:]``, piece by piece."""
    size, first, progress = _PIECE, start, Progress(f"{body.file}: read")
    while start < stop:
        piece = body.read_at(start, min(size, stop - start))
        if start + len(piece) == body.stop:
            piece += b"\n"  # the last row, whose line break was blank text at the end
        whole = piece.rfind(b"\n") + 1
        if not whole:  # a row longer than the piece
            size *= 4
            continue
        row += _parse_piece(body, signals, piece[:whole], row)
        start += whole
        if first == body.start:  # one range speaks for all
            progress.at(start - first, stop - first)


def _parse_piece(body: _Body, signals: Array, piece: bytes, row: int) -> int:
    """Parse whole rows; where one is not plain, look at it slowly, which may end everything."""
    text, at, before = np.frombuffer(piece, np.uint8), 0, row
    block = np.empty((ROWS_TOGETHER, len(body.mine)))
    limits = body.separator[0], len(body.names), body.mine.start
    while True:
        done, parsed = parse_rows(text[at:], *limits, signals, row, block)
        row, at = row + done, at + parsed
        if at == len(text):
            return row - before
        end = piece.index(b"\n", at)
        values = csv_strict.read_row(
            body.file, body.first_row + row, piece[at:end], body.separator, body.names
        )
        signals[:, row] = values[body.mine.start : body.mine.stop]
        row, at = row + 1, end + 1
        if at == len(text):
            return row - before
