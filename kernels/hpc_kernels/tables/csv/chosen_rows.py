"""Parser of CSV rows of a form: chosen columns, a decimal mark, runs of blanks, missing cells, times.

As the parser of plain rows it stops at a row that it cannot decide.
"""

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array, ByteArray
from hpc_kernels.jit.bit_intrinsics import Word, trailing_zeros
from hpc_kernels.jit.byte_intrinsics import VECTOR_BYTES, match_byte
from hpc_kernels.jit.decorators import compiled
from hpc_kernels.tables.csv.parse_number import NOT_PLAIN, parse_plain_cells
from hpc_kernels.tables.csv.rows import after_blanks, find_starts, parse_odd, row_end, transpose

_QUOTE, _SPACE, _TAB, _RETURN, _LINE_END = b'" \t\r\n'
_A, _Z, _DASH_BYTE, _SLASH, _HASH, _ASK = b"az-/#?"
_SMALL = 0x20
_ONE, _WINDOW, _LAST = np.uint64(1), np.uint64((1 << VECTOR_BYTES) - 1), np.uint64(VECTOR_BYTES - 1)
_LETTERS, _CASE, _BYTE = 4, np.uint64(0x20), np.uint64(8)


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "big"))


_NA, _NAN, _N_A, _SHEET, _NULL, _NONE, _DASH, _DOT, _MARK, _DASHES = (
    _word(text) for text in (b"na", b"nan", b"n/a", b"#n/a", b"null", b"none", b"-", b".", b"?", b"--")
)


@compiled
def parse_chosen_rows(
    text: ByteArray,
    start: int,
    stop: int,
    separator: int,
    decimal: int,
    time: int,
    fills: int,
    kept: NDArray[np.int64],
    others: NDArray[np.int64],
    out: Array,
    row: int,
    times: ByteArray,
    block: Array,
    starts: NDArray[np.int64],
    chosen: NDArray[np.int64],
    digits: NDArray[np.uint64],
    powers: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Write the chosen cells of ``text[start:stop]`` to ``out[:, row:]``, and the times to `times`, as lines.

    Parameters
    ----------
    separator : int
        Spaces stand for runs of them.
    time : int
        The column of the times, -1 for none.
    fills : int
        1 to read a missing cell as nan.
    kept, others : ndarray
        The columns of the signals, and all the other ones.

    The others are as `parse_rows` has them; `chosen` has room for the starts of the kept cells.

    Returns
    -------
    rows, end, written : int
        The number of parsed rows, the start of the next one, and the bytes in `times`.
    """
    done, written, together, width = 0, 0, len(block), len(kept) + len(others)
    while start < stop and row + done < out.shape[1]:
        if separator == _SPACE:
            found = _find_tokens(text, start, width, starts)
        else:
            found = find_starts(text, start, separator, width, starts)
        if found < width or not _are_whole(text, separator, others, starts):
            break
        for i in range(len(kept)):
            chosen[i] = starts[kept[i]]
        values = block[done & (together - 1)]
        if not _parse_cells(text, chosen, separator, decimal, fills, values, digits, powers):
            break
        end = _end_of_row(text, starts[width - 1], separator)
        if end == 0:
            break
        if time >= 0:
            written = _copy_cell(text, starts[time], separator, times, written)
        start = end
        done += 1
        if done & (together - 1) == 0:
            transpose(block, together, out, row + done - together)
    rest = done & (together - 1)
    transpose(block, rest, out, row + done - rest)
    return done, start, written


@compiled
def _find_tokens(text: ByteArray, at: int, count: int, starts: NDArray[np.int64]) -> int:
    """Write the starts of at most `count` cells between runs of spaces, and return their number."""
    found, before = 0, _ONE
    while found < count:
        ends = match_byte(text, at, _LINE_END)
        blank = match_byte(text, at, _SPACE)
        first = ~blank & ((blank << _ONE) | before) & (ends - _ONE) & ~ends & _WINDOW
        while first != 0 and found < count:
            starts[found] = int(trailing_zeros(first)) + at
            first &= first - _ONE
            found += 1
        if ends != 0:
            break
        before = (blank >> _LAST) & _ONE
        at += VECTOR_BYTES
    return found


@compiled
def _are_whole(text: ByteArray, separator: int, others: NDArray[np.int64], starts: NDArray[np.int64]) -> bool:
    """Return whether no skipped cell begins with a quote: a separator may stand inside of it.

    A quoted cell of no separator and no other quote is whole.
    """
    for i in range(len(others)):
        at = starts[others[i]]
        if text[at] == _QUOTE:
            at += 1
            while text[at] != _QUOTE and text[at] != separator and text[at] != _LINE_END:
                at += 1
            ended = text[at + 1] if text[at] == _QUOTE else _QUOTE
            if ended not in (separator, _LINE_END, _RETURN):
                return False
    return True


@compiled
def _parse_cells(
    text: ByteArray,
    chosen: NDArray[np.int64],
    separator: int,
    decimal: int,
    fills: int,
    values: Array,
    digits: NDArray[np.uint64],
    powers: NDArray[np.int64],
) -> bool:
    if parse_plain_cells(text, chosen, separator, values, digits, powers, decimal) > 0:
        for i in range(len(values)):
            if powers[i] == NOT_PLAIN:
                if fills != 0 and _is_missing(text, chosen[i], separator):
                    values[i] = np.nan
                else:
                    values[i], end = parse_odd(text, chosen[i], separator, decimal)
                    if end == 0:
                        return False
    return True


@compiled
def _is_missing(text: ByteArray, at: int, separator: int) -> bool:
    """Return whether the cell at `at` is blank or a word for a missing number, maybe in quotes."""
    at = after_blanks(text, at, separator)
    quoted = text[at] == _QUOTE
    at += quoted
    word, first = np.uint64(0), at
    while at - first < _LETTERS and _is_letter(text[at]):
        letter = np.uint64(text[at])
        word = (word << _BYTE) | (letter | _CASE if letter >= np.uint64(65) else letter)  # A
        at += 1
    if quoted:
        if text[at] != _QUOTE:
            return False
        at += 1
    at = after_blanks(text, at, separator)
    returned = text[at] == _RETURN and text[at + 1] == _LINE_END
    if text[at] != separator and text[at] != _LINE_END and not returned:
        return False
    return bool(word == 0) or _is_word(word)


@compiled
def _is_letter(letter: int) -> bool:
    """Return whether a byte stands in a word for a missing number."""
    small = letter | _SMALL
    return (_A <= small <= _Z) or _DASH_BYTE <= letter <= _SLASH or letter in (_HASH, _ASK)


@compiled
def _is_word(word: Word) -> bool:
    return bool(
        (word == _NA)
        | (word == _NAN)
        | (word == _N_A)
        | (word == _SHEET)
        | (word == _NULL)
        | (word == _NONE)
        | (word == _DASH)
        | (word == _DOT)
        | (word == _MARK)
        | (word == _DASHES)
    )


@compiled
def _end_of_row(text: ByteArray, at: int, separator: int) -> int:
    """Return the start of the next row, or 0 if the cell that begins at `at` is not the last of its row."""
    if separator != _SPACE:
        end: int = row_end(text, at, separator)
        return end
    while text[at] != _SPACE and text[at] != _LINE_END:
        at += 1
    while text[at] == _SPACE:
        at += 1
    return at + 1 if text[at] == _LINE_END else 0


@compiled
def _copy_cell(text: ByteArray, at: int, separator: int, out: ByteArray, to: int) -> int:
    """Append a cell and a line break to `out` at `to`, and return the end."""
    while text[at] != separator and text[at] != _LINE_END:
        if text[at] != _RETURN or text[at + 1] != _LINE_END:
            out[to] = text[at]
            to += 1
        at += 1
    out[to] = _LINE_END
    return to + 1
