"""Judgement of a CSV table by its first rows: the layout, told in warnings, or a refusal with an option."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.bounds import check_columns
from hpc_kernels.tables.csv.as_before import read_as_before
from hpc_kernels.tables.csv.cell_kinds import are_numbers, are_times, is_known, is_number
from hpc_kernels.tables.csv.cells import split_cells, text_of, without_trailing
from hpc_kernels.tables.csv.columns import (
    ColumnNames,
    check_order,
    choose_signals,
    find_index,
    find_time,
    kept_cells,
    refuse_blank_columns,
    refuse_texts,
)
from hpc_kernels.tables.csv.first_row import FirstRow, are_mixed, judge_first_row
from hpc_kernels.tables.csv.form import BLANKS, RowForm
from hpc_kernels.tables.csv.head import Head, SplitHead, read_head
from hpc_kernels.tables.csv.header import parse_header
from hpc_kernels.tables.csv.lower_samples import refuse_rows_above
from hpc_kernels.tables.csv.marks import best_separator, find_decimal, find_separator
from hpc_kernels.tables.csv.pieces import TextRows
from hpc_kernels.tables.csv.preamble import Preamble, read_preamble, with_line_feeds, with_spaces
from hpc_kernels.tables.csv.refusals import (
    doubled_mark,
    names_without_header,
    no_dates,
    no_samples,
    no_signal,
    skipped_time,
    wrong_mark,
)
from hpc_kernels.tables.csv.short_header import refuse_short_header
from hpc_kernels.tables.csv.source import TextSource
from hpc_kernels.tables.csv.suspicions import blank_rows, suspect_thousands, suspect_times
from hpc_kernels.tables.csv.table import CsvTable
from hpc_kernels.tables.csv.units_row import is_units_row
from hpc_kernels.tables.kinds import HEAD_BYTES, refuse_other_kinds
from hpc_kernels.tables.names import SignalNames
from hpc_kernels.tables.reading_options import AS_BEFORE, ReadingOptions
from hpc_kernels.tables.times import is_time, order_of_days

_AUTOMATIC = (AS_BEFORE, ReadingOptions(given=True, price="Close"))


def open_table(source: TextSource, options: ReadingOptions) -> CsvTable:
    """Return the table of a text.

    Raises
    ------
    BadInputError
        If there is no table, or it can be understood in two ways.
    """
    table = read_as_before(source) if options in _AUTOMATIC else None
    if table is None or (options.given and _is_odd(table.names)):
        return judge_table(source, options)
    return table  # as a judgement would find it


def _is_odd(names: Sequence[str]) -> bool:
    """Return whether names may be an index, a comment or a sample."""
    first = names[0].strip()
    return not first or first.startswith("#") or are_numbers(names) or are_mixed(names)


def judge_table(source: TextSource, options: ReadingOptions) -> CsvTable:
    """Return the table of a text, understood by its first rows."""
    refuse_other_kinds(source.file, source.read_at(0, HEAD_BYTES))
    source = with_line_feeds(source)
    preamble = read_preamble(source)
    stop = source.find_end(preamble.start)
    if preamble.start >= stop:
        raise BadInputError(f"{source.file}: expected a header and samples, found an empty file")
    head = read_head(source, preamble.start, stop, preamble.row)
    separator = options.separator.encode() or _told_separator(head, preamble) or find_separator(head)
    if separator == options.decimal.encode():
        raise doubled_mark(head)
    if separator == BLANKS:
        source = with_spaces(source)
        head = read_head(source, preamble.start, stop, preamble.row)
    end = source.find_end(preamble.start, separator)
    if end != stop:
        head = read_head(source, preamble.start, end, preamble.row)
    text = TextRows(source, preamble.start, end)
    if options.header is not False:
        refuse_rows_above(head)
        if not best_separator(head):
            refuse_short_header(head)
    judgement = _Judgement(text, preamble, head, head.split(separator), separator, options)
    told = tuple(f"{source.file}: {sentence}" for sentence in blank_rows(end, stop))
    table = judgement.table()
    return replace(table, warnings=told + table.warnings)


def _told_separator(head: Head, preamble: Preamble) -> bytes:
    """Return the separator of a line `sep=`, blank for none; raise where another one is there instead."""
    told = preamble.separator
    if told and told not in head.header and (found := best_separator(head)):
        raise wrong_mark(head, told, found)
    return told


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
        first = self._first_row()
        has_names = first.has_names
        split, head = self.split, self.head
        units: tuple[str, ...] = ()
        if self.options.header is False and not any(map(is_known, split.header)):
            raise names_without_header(head, split.header)
        if not has_names:
            split = SplitHead(split.header, [split.header, *split.rows])
            head = Head(head.file, head.row, b"", self.text.start, (head.header, *head.lines))
        names, compact = (first.above, None) if first.above else self._names(split, has_names=has_names)
        if has_names:
            head, split = _without_blank(head, split)
        if has_names and is_units_row(split):
            units = tuple(split.rows[0])
            head, split = _without_blank(*_without_first(head, split))
        if head.body >= self.text.stop:
            raise no_samples(head, split.header)
        table = self._understood(head, split, names, compact, first, units)
        return replace(table, has_header=has_names)

    def _first_row(self) -> FirstRow:
        if self.options.header is not None:
            return FirstRow(has_names=self.options.header)
        comment = list(map(text_of, without_trailing(split_cells(self.preamble.comment, self.separator))))
        if not any(comment):
            comment = []
        return judge_first_row(self.head, self.split, comment)

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
        if header.endswith(b"  \n"):  # of doubled carriage returns
            header = header.rstrip()
        if self.separator in {b";", b"\t", b","}:
            found, separator = parse_header(self.head.file, header)
            found = found if separator == self.separator and len(found) == split.width else None
        return (list(found) if found else split.header), found

    def _understood(
        self,
        head: Head,
        split: SplitHead,
        names: Sequence[str],
        compact: SignalNames | None,
        first: FirstRow,
        units: tuple[str, ...],
    ) -> CsvTable:
        options, columns = self.options, ColumnNames(head.file, names)
        index = find_index(split, names)
        left_out = columns.find_skipped(options.skip) | ({index} - {-1})
        time = find_time(split, columns, options, left_out)
        if time in left_out:
            raise skipped_time(head, names[time])
        order = self._order(head, split, names, time) if time >= 0 else ""
        kept = choose_signals(columns, options, left_out | ({time} - {-1}))
        if not kept or time in kept:
            raise no_signal(head, options)
        if options.prices and time < 0:
            raise no_dates(head, names)
        decimal = options.decimal.encode() or find_decimal(
            head, split, kept_cells(split, kept), self.separator
        )
        refuse_blank_columns(head, split, names, kept)
        refuse_texts(head, split, names, kept, self.separator + decimal)
        form = RowForm(
            self.separator, decimal, split.width, tuple(kept), time, fills=options.missing != "error"
        )
        told = [
            *self._told(form, names, index, units, first),
            *suspect_times(split, names, kept),
            *(suspect_thousands(split, names, kept) if decimal == b"." else []),
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

    def _order(self, head: Head, split: SplitHead, names: Sequence[str], time: int) -> str:
        """Return the order of day and month; a column that was named may hold anything."""
        if not self.options.time_column:
            return check_order(head, split, names, time)
        cells = split.column(time)
        return (order_of_days(cells) if are_times(cells) else None) or ""

    def _told(
        self, form: RowForm, names: Sequence[str], index: int, units: tuple[str, ...], first: FirstRow
    ) -> list[str]:
        """Return sentences about all that was understood beyond a plain table."""
        comments = self.preamble.comments - bool(first.above)
        found = (
            (comments, f"{comments} lines of comments are left out"),
            (index == 0, "the first column has no name and counts the rows; it is left out"),
            (units, "the row below the header is read as units"),
            (form.decimal == b",", "numbers are read with a decimal comma"),
            (form.separator == BLANKS, "cells are read between runs of blanks"),
            (form.separator == b"|", "cells are read between '|'"),
            (form.time >= 0, f"column {names[form.time]!r} is read as the time"),
            (first.told, first.told),
        )
        return [sentence for is_so, sentence in found if is_so]


def _without_first(head: Head, split: SplitHead) -> tuple[Head, SplitHead]:
    """Return the head with its first row below the header joined to the header."""
    line = head.lines[0] + b"\n"
    joined = Head(head.file, head.row, head.header + line, head.body + len(line), head.lines[1:])
    return joined, SplitHead(split.header, split.rows[1:])


def _without_blank(head: Head, split: SplitHead) -> tuple[Head, SplitHead]:
    """Return the head without blank lines right below the header."""
    while head.lines and not head.lines[0].strip(b" \r"):
        head, split = _without_first(head, split)
    return head, split
