"""Layout of a file of prices: pairs of date and price for each asset, or one column of dates."""

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.bounds import LONGEST_ROW
from hpc_kernels.tables.csv.cell_kinds import is_blank_or_missing, is_number
from hpc_kernels.tables.csv.head import Head, SplitHead
from hpc_kernels.tables.csv.hints import has_thousands
from hpc_kernels.tables.csv.marks import find_separator
from hpc_kernels.tables.csv.preamble import read_preamble, with_line_feeds
from hpc_kernels.tables.csv.source import TextSource
from hpc_kernels.tables.reading_options import ReadingOptions
from hpc_kernels.tables.times import is_time

PAIRS_HINT = (
    "; the file holds a date and a price for each asset, which is the layout of inbestme_kernel: set it to 1"
)
_HEADER_ROWS = 3
_PAIR = 2
_LINE_BYTES = 1 << 12  # of each row; its first cells tell the layout


def is_plain_price_file(source: TextSource, options: ReadingOptions) -> bool:
    """Return whether a text has one column of dates, as its first rows of a date and a number show."""
    try:
        split = _head(with_line_feeds(source), options)
    except BadInputError:  # the reader of pairs says more
        return False
    if options.time_column:
        return True
    rows = [split.header, *split.rows]
    first = next((i for i, row in enumerate(rows[: _HEADER_ROWS + 1]) if _is_data(row)), None)
    if first is None or first >= _HEADER_ROWS:
        return False
    pairs = len(rows[first]) > _PAIR and any(is_time(cell) for cell in rows[first][2::2])
    if pairs or len(rows[first]) > _PAIR:
        return not pairs
    return _is_plain_pair(rows, first) or (first == _PAIR and options.given and _has_units(rows))


def _has_units(rows: list[list[str]]) -> bool:
    """Return whether two rows above pairs of a date and a number are names and units."""
    return len(rows[0]) == _PAIR and all(rows[0]) and not rows[1][0]


def holds_pairs(source: TextSource, options: ReadingOptions) -> bool:
    """Return whether the first row of a date and a number has a pair of these for each asset.

    A single pair below a plain header, or without one, is a table of a time and a signal.
    """
    try:
        split = _head(with_line_feeds(source), options)
    except BadInputError:
        return False
    rows = [split.header, *split.rows][: _HEADER_ROWS + 1]
    first = next((i for i, row in enumerate(rows) if _is_data(row)), None)
    if first is None or (len(rows[first]) == _PAIR and _is_plain_pair(rows, first)):
        return False
    dates, prices = (
        [cell for cell in side if not is_blank_or_missing(cell)]
        for side in (rows[first][::2], rows[first][1::2])
    )
    return len(rows[first]) % _PAIR == 0 and all(map(is_time, dates)) and all(map(is_number, prices))


def _head(source: TextSource, options: ReadingOptions) -> SplitHead:
    preamble, lines = read_preamble(source), list[bytes]()
    at, stop = preamble.start, source.find_end(preamble.start)
    while at < stop and len(lines) <= _HEADER_ROWS:
        end = source.find_line_end(at, min(stop, at + LONGEST_ROW))
        lines.append(source.read_at(at, min(end - at, _LINE_BYTES)))
        at = end
    header, *others = lines or [b""]
    head = Head(source.file, preamble.row, header, at, tuple(others))
    return head.split(options.separator.encode() or preamble.separator or find_separator(head))


def _is_data(row: list[str]) -> bool:
    others = [cell for cell in row[1:] if not is_blank_or_missing(cell)]
    return len(row) > 1 and is_time(row[0]) and (any(map(_is_price, others)) or not others)


def _is_price(cell: str) -> bool:
    """Return whether a cell is a number, maybe with thousands separators, which the reader refuses."""
    return is_number(cell) or has_thousands(cell.encode("utf-8", "surrogateescape"))


def _is_plain_pair(rows: list[list[str]], first: int) -> bool:
    """Return whether rows of one date and one number, from row `first` on, have at most a plain header."""
    return first < _PAIR and not (first == 1 and _names_a_pair(rows[0]))


def _names_a_pair(header: list[str]) -> bool:
    """Return whether the header of two columns names the asset above its dates alone."""
    return len(header) < _PAIR or not header[1]
