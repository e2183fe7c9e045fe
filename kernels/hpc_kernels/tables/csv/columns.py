"""Columns of a table: which one is the time, which ones are signals, and the refusal of texts among them."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.tables.csv.cell_kinds import (
    are_mostly_times,
    are_numbers,
    are_times,
    counts_up,
    is_blank_or_missing,
    is_number,
)
from hpc_kernels.tables.csv.head import Head, SplitHead
from hpc_kernels.tables.csv.hints import cell_hint, number_hint
from hpc_kernels.tables.csv.marks import Place
from hpc_kernels.tables.reading_options import ReadingOptions
from hpc_kernels.tables.times import is_time, order_of_days

_PAIR = 2  # columns: a long table has more
_NONE = "none"
_PRICE = "Close"
_OF_ONE_ASSET = {"open", "high", "low", "volume"}
_SUGGESTIONS = 3
_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class ColumnNames:
    """Names of all columns; look-ups raise `BadInputError` with the option that names the column."""

    file: str
    names: Sequence[str]

    def find(self, name: str, option: str) -> int:
        """Return the one column of a name."""
        found = [i for i, each in enumerate(self.names) if each == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInputError(
                f"{self.file}: {option} names {name!r}, which {len(found)} columns are called"
            )
        near = difflib.get_close_matches(name, list(self.names)[:1000], _SUGGESTIONS, 0.4)
        known = ", ".join(map(repr, near or self.names[:_SUGGESTIONS]))
        raise BadInputError(
            f"{self.file}: {option} names {name!r}, which no column is called; there are {known}"
        )

    def find_skipped(self, skip: Collection[str]) -> set[int]:
        """Return the columns that are left out by name; a blank name stands for all that have none."""
        blank = {i for i, each in enumerate(self.names) if not each.strip()} if "" in skip else set()
        if "" in skip and not blank:
            self.find("", "params.table.skip")
        return blank | {self.find(name, "params.table.skip") for name in skip if name}


def find_index(split: SplitHead, names: Sequence[str]) -> int:
    """Return 0 for an unnamed first column that counts the rows, else -1."""
    unnamed = len(names) > 1 and not names[0].strip()
    return 0 if unnamed and counts_up(split.column(0), least=1) else -1


def find_time(split: SplitHead, names: ColumnNames, options: ReadingOptions, left_out: set[int]) -> int:
    """Return the column of the times, or -1."""
    if options.time_column == _NONE and _NONE not in names.names:
        return -1
    if options.time_column:
        return names.find(options.time_column, "params.table.time_column")
    first = next((i for i in range(len(names.names)) if i not in left_out), -1)
    named = options.columns is not None and first >= 0 and names.names[first] in options.columns
    return first if first >= 0 and not named and are_mostly_times(split.column(first)) else -1


def check_order(head: Head, split: SplitHead, names: Sequence[str], time: int) -> str:
    """Return the order of day and month in the times, or raise where both orders are possible."""
    cells = [(i, cell) for i, cell in enumerate(split.column(time)) if is_time(cell)]
    order = order_of_days(cell for _, cell in cells)
    if order is None:
        row, found = next((pair for pair in cells if order_of_days([pair[1]]) is None), cells[0])
        where = cell_place(head.file, head.first_row + row, time, names[time])
        raise BadInputError(
            f"{where}: found {found!r}, in which day and month cannot be told apart; write dates as"
            " YYYY-MM-DD, or name the column with params.table.time_column, which carries it along as it is"
        )
    return order


def choose_signals(names: ColumnNames, options: ReadingOptions, left_out: set[int]) -> list[int]:
    """Return the columns of the signals."""
    if options.columns is not None:
        return [names.find(name, "params.table.columns") for name in options.columns]
    if options.prices and (price := _price_column(names, options)) is not None:
        return [price]
    return [i for i in range(len(names.names)) if i not in left_out]


def _price_column(names: ColumnNames, options: ReadingOptions) -> int | None:
    """Return the price column of a plain price file; None where every column is an asset of its own."""
    wanted = (options.price or _PRICE).casefold()
    found = [i for i, name in enumerate(names.names) if name.strip().casefold() == wanted]
    if len(found) == 1:
        return found[0]
    several = _OF_ONE_ASSET.intersection(name.strip().casefold() for name in names.names)
    if several or len(found) > 1 or options.price not in {"", _PRICE}:
        names.find(options.price or _PRICE, "params.table.price")
    return None


def kept_cells(split: SplitHead, kept: Sequence[int], *, with_header: bool = False) -> Iterator[Place]:
    """Yield the cells of the signals that are not missing, by rows."""
    rows = [split.header, *split.rows] if with_header else split.rows
    for i, row in enumerate(rows):
        for column in kept:
            if column < len(row) and not is_blank_or_missing(row[column]):
                yield i - with_header, column, row[column]


def refuse_blank_columns(head: Head, split: SplitHead, names: Sequence[str], kept: Sequence[int]) -> None:
    """Raise `BadInputError` for a column with neither a name nor a number, as a spreadsheet leaves them."""
    for i in kept:
        if not names[i].strip() and split.rows and all(map(is_blank_or_missing, split.column(i))):
            where = cell_place(head.file, head.row, i, names[i])
            raise BadInputError(
                f"{where}: expected a name and numbers below it, found a blank column; leave out the columns"
                ' without a name with params.table.skip: [""]'
            )


def refuse_texts(
    head: Head, split: SplitHead, names: Sequence[str], kept: Sequence[int], marks: bytes
) -> None:
    """Raise `BadInputError` where a column of the signals holds texts; `marks` are separator and decimal."""
    separator, decimal = marks[:1], marks[1:]
    texts = [i for i in kept if _is_text(split.column(i), decimal.decode())]
    if not texts:
        return
    repeated = [i for i in texts if _is_repeated(split.column(i)) and not are_times(split.column(i))]
    numbers = [i for i in kept if i not in texts]
    if repeated and numbers and len(split.rows) > 1 and len(names) > _PAIR:
        raise _long_table(head, split, names, repeated[0], texts, numbers[-1])
    row, column, text = next(kept_cells(split, texts))
    where = cell_place(head.file, head.first_row + row, column, names[column])
    cell = text.encode("utf-8", "surrogateescape")
    way = cell_hint(cell, separator, decimal) or number_hint(cell) + _way_out(column, kept, split.header)
    raise BadInputError(f"{where}: expected a finite number, found {text[:_LONGEST_SHOWN]!r}{way}")


def _way_out(column: int, kept: Sequence[int], header: Sequence[str]) -> str:
    """Return the options for a column of texts; the first one may hold times in a form that is not known."""
    if column == kept[0] and len(header) > 1 and are_numbers(header[1:]):
        return "; if each row is a signal, transpose the table: signals are columns here"
    if column == kept[0]:
        return (
            "; if it holds the times, name it with params.table.time_column, which carries it along as it is,"
            " else leave it out with params.table.skip"
        )
    return "; leave the column out with params.table.skip"


def _is_text(cells: Sequence[str], decimal: str) -> bool:
    """Return whether most cells that are not missing are no numbers."""
    kept = [cell for cell in cells if not is_blank_or_missing(cell)]
    return sum(not is_number(cell, decimal) for cell in kept) * 2 > len(kept)


def _is_repeated(cells: Sequence[str]) -> bool:
    return len(set(cells)) < len(cells)


def _long_table(
    head: Head, split: SplitHead, names: Sequence[str], by: int, texts: Sequence[int], value: int
) -> BadInputError:
    """Return the refusal of a table with one row per signal and time, and show how to pivot it."""
    times = [i for i in range(len(names)) if i != value and are_times(split.column(i))]
    index = names[(times or [i for i in range(len(names)) if i not in {by, value}] or [by])[0]]
    shown = ", ".join(list(dict.fromkeys(split.column(by)))[:2])
    return BadInputError(
        f"{cell_place(head.file, head.first_row, by, names[by])}: found the names {shown} ..., where a signal"
        f" has numbers: the table is long, with one row per signal and time. Pivot it, in pandas"
        f" table.pivot(index={index!r}, columns={names[by]!r}, values={names[value]!r}).to_csv(...), or leave"
        f" the column{'s' * (len(texts) > 1)} {', '.join(repr(names[i]) for i in texts[:5])} out with"
        " params.table.skip"
    )
