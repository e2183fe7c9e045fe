"""Judgement of a CSV table by its first rows: the layout, told in warnings, or a refusal with an option."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.tables.bounds import check_columns
from hpc_kernels.tables.csv.as_before import read_as_before
from hpc_kernels.tables.csv.cell_kinds import (
    are_numbers,
    are_times,
    counts_up,
    is_blank_or_missing,
    is_number,
)
from hpc_kernels.tables.csv.columns import (
    ColumnNames,
    check_order,
    choose_signals,
    find_index,
    find_time,
    kept_cells,
    refuse_texts,
)
from hpc_kernels.tables.csv.form import BLANKS, RowForm
from hpc_kernels.tables.csv.head import Head, SplitHead, read_head
from hpc_kernels.tables.csv.header import parse_header
from hpc_kernels.tables.csv.marks import find_decimal, find_separator
from hpc_kernels.tables.csv.pieces import TextRows
from hpc_kernels.tables.csv.preamble import Preamble, read_preamble, with_line_feeds, with_spaces
from hpc_kernels.tables.csv.source import TextSource
from hpc_kernels.tables.csv.suspicions import suspect_times
from hpc_kernels.tables.csv.table import CsvTable
from hpc_kernels.tables.kinds import HEAD_BYTES, refuse_other_kinds
from hpc_kernels.tables.names import SignalNames
from hpc_kernels.tables.reading_options import AS_BEFORE, ReadingOptions
from hpc_kernels.tables.times import is_time, order_of_days

_DIGITS = re.compile(r"[0-9]{3}|[0-9][.,][0-9]")
_AUTOMATIC = (AS_BEFORE, ReadingOptions(given=True, price="Close"))


def open_table(source: TextSource, options: ReadingOptions) -> CsvTable:
    """Return the table of a text.

    Raises
    ------
    BadInputError
        If there is no table, or it can be understood in two ways.
    """
    if options in _AUTOMATIC and (table := read_as_before(source)):
        odd = options.given and (not table.names[0].strip() or are_numbers(table.names))
        if not odd:  # then a judgement would come to the same
            return table
    return judge_table(source, options)


def judge_table(source: TextSource, options: ReadingOptions) -> CsvTable:
    """Return the table of a text, understood by its first rows."""
    refuse_other_kinds(source.file, source.read_at(0, HEAD_BYTES))
    source = with_line_feeds(source)
    preamble = read_preamble(source)
    stop = source.find_end(preamble.start)
    if preamble.start >= stop:
        raise BadInputError(f"{source.file}: expected a header and samples, found an empty file")
    head = read_head(source, preamble.start, stop, preamble.row)
    separator = options.separator.encode() or preamble.separator or find_separator(head)
    if separator == options.decimal.encode():
        raise _doubled_mark(head)
    if separator == BLANKS:
        source = with_spaces(source)
        head = read_head(source, preamble.start, stop, preamble.row)
    text = TextRows(source, preamble.start, stop)
    return _Judgement(text, preamble, head, head.split(separator), separator, options).table()


@dataclass(frozen=True)
class _Judgement:
    """The steps of a judgement on the first rows of a text."""

    text: TextRows
    preamble: Preamble
    head: Head
    split: SplitHead
    separator: bytes
    options: ReadingOptions

    def table(self) -> CsvTable:
        has_names, told = self._has_names()
        split, head = self.split, self.head
        units: tuple[str, ...] = ()
        if not has_names:
            split = SplitHead(split.header, [split.header, *split.rows])
            head = Head(head.file, head.row, b"", self.text.start, (head.header, *head.lines))
        names, compact = self._names(split, has_names=has_names)
        if has_names and _is_units_row(split):
            units, split = tuple(split.rows[0]), SplitHead(split.header, split.rows[1:])
            head = _without_first(head)
        if head.body >= self.text.stop:
            raise _no_samples(head, split.header)
        table = self._understood(head, split, names, compact, told, units)
        return replace(table, has_header=has_names)

    def _has_names(self) -> tuple[bool, list[str]]:
        """Return whether the first row holds names, and warnings about it."""
        header = self.split.header
        if self.options.header is not None:
            return self.options.header, []
        first, *others = header
        numbers = are_numbers(header) or (is_time(first) and bool(others) and are_numbers(others))
        if numbers and not counts_up(header):
            shown = ", ".join(header[:3])
            return False, [
                (
                    f"the first row ({shown}) holds numbers alone and is read as a sample; signals are called"
                    " 1, 2, ..."
                )
            ]
        return True, []

    def _names(self, split: SplitHead, *, has_names: bool) -> tuple[list[str], SignalNames | None]:
        """Return the names of all columns, and their compact form where the header is plain."""
        check_columns(self.head.file, split.width)
        if not has_names:
            timed = len(split.header) > 1 and is_time(split.header[0]) and not is_number(split.header[0])
            named = [str(i + 1 - timed) for i in range(split.width)]
            return (["time", *named[1:]] if timed else named), None
        if not any(split.header):
            row = self.head.row
            raise BadInputError(
                f"{self.head.file}: row {row}: expected the names of the signals, found a blank line"
            )
        header, found = self.head.header, None
        if self.separator in {b";", b"\t", b","}:
            found, separator = parse_header(self.head.file, header)
            found = found if separator == self.separator and len(found) == split.width else None
        return (list(found) if found else split.header), found

    def _understood(
        self,
        head: Head,
        split: SplitHead,
        names: list[str],
        compact: SignalNames | None,
        told: list[str],
        units: tuple[str, ...],
    ) -> CsvTable:
        options, columns = self.options, ColumnNames(head.file, names)
        index = find_index(split, names)
        left_out = {columns.find(name, "params.table.skip") for name in options.skip} | ({index} - {-1})
        time = find_time(split, columns, options, left_out)
        order = self._order(head, split, names, time) if time >= 0 else ""
        kept = choose_signals(columns, options, left_out | ({time} - {-1}))
        if not kept or time in kept:
            raise BadInputError(f"{head.file}: expected at least one signal beside the time, found none")
        if options.prices and time < 0:
            raise _no_dates(head, names)
        decimal = options.decimal.encode() or find_decimal(
            head, split, kept_cells(split, kept), self.separator
        )
        refuse_texts(head, split, names, kept, self.separator + decimal)
        form = RowForm(
            self.separator, decimal, split.width, tuple(kept), time, fills=options.missing != "error"
        )
        told = [
            *self._told(form, names, index, units),
            *told,
            *suspect_times(split, names, kept),
        ]
        chosen = compact if compact and form.is_plain else SignalNames.from_strings(names[i] for i in kept)
        return CsvTable(
            TextRows(self.text.source, head.body, self.text.stop),
            chosen,
            head.first_row,
            self.separator,
            None if form.is_plain else form,
            names,
            names[time] if time >= 0 else "",
            order,
            tuple(units[i] for i in kept) if units else (),
            tuple(f"{head.file}: {text}" for text in told),
        )

    def _order(self, head: Head, split: SplitHead, names: list[str], time: int) -> str:
        """Return the order of day and month; a column that was named may hold anything."""
        if not self.options.time_column:
            return check_order(head, split, names, time)
        cells = split.column(time)
        return (order_of_days(cells) if are_times(cells) else None) or ""

    def _told(self, form: RowForm, names: Sequence[str], index: int, units: tuple[str, ...]) -> list[str]:
        """Return sentences about all that was understood beyond a plain table."""
        found = (
            (self.preamble.comments, f"{self.preamble.comments} lines of comments are left out"),
            (index == 0, "the first column has no name and counts the rows; it is left out"),
            (units, "the row below the header is read as units"),
            (form.decimal == b",", "numbers are read with a decimal comma"),
            (form.separator == BLANKS, "cells are read between runs of blanks"),
            (form.separator == b"|", "cells are read between '|'"),
            (form.time >= 0, f"column {names[form.time]!r} is read as the time"),
        )
        return [sentence for is_so, sentence in found if is_so]


def _doubled_mark(head: Head) -> BadInputError:
    return BadInputError(
        f"{head.file}: row {head.row}: found cells separated by commas, and params.table.decimal is a comma;"
        " choose a decimal point, or write the table with another separator and name it with"
        " params.table.separator"
    )


def _no_samples(head: Head, header: list[str]) -> BadInputError:
    way = ""
    if are_numbers(header):
        shown = ", ".join(header[:3])
        told = f"; row {head.row} ({shown}) is read as names"
        way = f"{told}: if it is a sample, set params.table.header to false"
    return BadInputError(f"{head.file}: row {head.first_row}: expected at least one sample, found none{way}")


def _no_dates(head: Head, names: Sequence[str]) -> BadInputError:
    where = cell_place(head.file, head.first_row, 0, names[0])
    return BadInputError(
        f"{where}: expected a first column of dates beside the prices, found none; params.table.time_column"
        " names another one"
    )


def _is_units_row(split: SplitHead) -> bool:
    """Return whether no cell of the first row below the header is a number, and the next one has numbers."""
    if len(split.rows) < 2 or are_numbers(split.header):  # noqa: PLR2004 (units and a sample)
        return False
    units, (first, *others) = split.rows[0], split.rows[1]
    named = any(not is_blank_or_missing(cell) for cell in (units if not any(units[1:]) else units[1:]))
    if len(units) != split.width or not named or any(map(_is_no_unit, units)):
        return False
    numbers = [is_number(cell) for cell in others]
    whole = all(is_number(cell) or is_blank_or_missing(cell) for cell in others)
    return whole and (is_number(first) or (is_time(first) and any(numbers)))


def _is_no_unit(cell: str) -> bool:
    """Return whether a cell is a number or a time, or holds a number of some digits, maybe a broken one."""
    return is_number(cell) or is_time(cell) or bool(_DIGITS.search(cell))


def _without_first(head: Head) -> Head:
    """Return the head with its first row below the header joined to the header."""
    line = head.lines[0] + b"\n"
    return Head(head.file, head.row, head.header + line, head.body + len(line), head.lines[1:])
