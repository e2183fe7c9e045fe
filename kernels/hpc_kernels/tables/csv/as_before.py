"""Tables as they were read before `params.table` existed: a header, and rows of numbers alone."""

import re
from dataclasses import replace

import numpy as np

from hpc_kernels.errors import BadInputError
from hpc_kernels.jit.byte_intrinsics import TEXT_PADDING
from hpc_kernels.tables.csv.cell_kinds import is_precise
from hpc_kernels.tables.csv.cells import split_cells, text_of, without_trailing
from hpc_kernels.tables.csv.first_row import are_mixed
from hpc_kernels.tables.csv.head import Head
from hpc_kernels.tables.csv.header import parse_header, read_header
from hpc_kernels.tables.csv.pieces import LINE_END, Piece, TextRows
from hpc_kernels.tables.csv.preamble import mark_end
from hpc_kernels.tables.csv.row_parsers import PlainRows
from hpc_kernels.tables.csv.rows import count_lines
from hpc_kernels.tables.csv.source import TextSource
from hpc_kernels.tables.csv.suspicions import (
    blank_rows,
    suspect_header,
    suspect_thousands,
    suspect_times,
)
from hpc_kernels.tables.csv.table import CsvTable
from hpc_kernels.tables.names import SignalNames

_HEAD_BYTES = 1 << 14
_SHOWN_BYTES = 1 << 12
_SHOWN_ROWS = 8
_NUMBERS = re.compile(rb'[-+0-9.eE;,\t" \r\n]+')
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def read_as_before(source: TextSource) -> CsvTable | None:
    """Return the table if its header and its first rows were accepted before, else None."""
    try:
        return _read(source)
    except BadInputError:
        return None


def _read(source: TextSource) -> CsvTable | None:
    start, stop = mark_end(source), source.find_end(mark_end(source))
    header = read_header(source, start, stop)
    names, separator = parse_header(source.file, header)
    body = start + len(header)
    first_row = header.count(b"\n") + 1
    end = min(stop, source.find_end(start, separator))  # tabs at the end never counted
    if body >= end:
        return None
    table = CsvTable(TextRows(source, body, end), names, first_row, separator)
    lines = _check_first_rows(table)
    numbers = _are_numbers(header, separator)
    if numbers and any(map(is_precise, names)):
        return _without_header(table, start, blank_rows(end, stop))
    split = Head(source.file, 1, header[:_SHOWN_BYTES], body, lines).split(separator)
    kept = range(min(len(names), split.width))
    told = [
        *blank_rows(end, stop),
        *suspect_header(split.header, numbers=numbers or are_mixed(split.header)),
        *suspect_times(split, names, kept),
        *suspect_thousands(split, names, kept),
    ]
    return replace(table, warnings=tuple(f"{source.file}: {text}" for text in told))


def _check_first_rows(table: CsvTable) -> tuple[bytes, ...]:
    """Parse the first rows, of a longer row the first cells, or raise; return the first ones of them."""
    text, names, separator = table.text, table.names, table.separator
    piece = Piece(min(_HEAD_BYTES, text.stop - text.start) + 1)
    end = piece.fill(text.source, text.start, text.stop)
    if text.start + end - TEXT_PADDING >= text.stop:
        piece.bytes[end] = LINE_END
        end += 1
    whole = piece.bytes.rfind(LINE_END, TEXT_PADDING, end) + 1
    if not whole:  # a row longer than the piece
        whole = piece.bytes.rfind(separator, TEXT_PADDING, end) + 1
        piece.bytes[whole - 1] = LINE_END
        names = names[: piece.bytes.count(separator, TEXT_PADDING, whole) + 1]
    rows = count_lines(piece.text, TEXT_PADDING, whole)
    signals = np.empty((len(names), rows))
    PlainRows(table.file, separator, names, signals, 0).parse(piece, whole, table.first_row)
    shown = bytes(memoryview(piece.bytes)[TEXT_PADDING : min(whole, TEXT_PADDING + _SHOWN_BYTES)])
    return tuple(shown.split(b"\n")[:_SHOWN_ROWS][:-1])


def _are_numbers(header: bytes, separator: bytes) -> bool:
    """Return whether every cell of the header is a number."""
    if not _NUMBERS.fullmatch(header):
        return False
    return all(_NUMBER.fullmatch(text_of(cell)) for cell in without_trailing(split_cells(header, separator)))


def _without_header(table: CsvTable, start: int, blank: list[str]) -> CsvTable:
    """Return the table whose first row is a sample."""
    names = SignalNames.from_strings(str(i + 1) for i in range(len(table.names)))
    told = "the first row holds numbers with a decimal point and is read as a sample"
    text = replace(table.text, start=start)
    warnings = tuple(f"{table.file}: {text}" for text in (*blank, f"{told}; signals are called 1, 2, ..."))
    return replace(table, text=text, names=names, first_row=1, warnings=warnings, has_header=False)
