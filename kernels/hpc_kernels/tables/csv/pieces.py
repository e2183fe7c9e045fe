"""Pieces of a text: buffers of whole rows, so that the text is never in memory as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hpc_kernels.errors import BadInputError
from hpc_kernels.jit.byte_intrinsics import TEXT_PADDING
from hpc_kernels.tables.bounds import LONGEST_ROW
from hpc_kernels.tables.csv import source as sources
from hpc_kernels.tables.csv.rows import count_lines
from hpc_kernels.tables.csv.source import TextSource

LINE_END = ord("\n")


@dataclass(frozen=True)
class TextRows:
    """The rows of a text: those between the bytes `start` and `stop`."""

    source: TextSource
    start: int
    stop: int

    def next_row(self, at: int) -> int:
        """Return the start of the first row that begins at or after `at`."""
        return self.start if at <= self.start else self.source.find_line_end(at - 1, self.stop)

    def count(self, start: int, stop: int) -> int:
        """Return the number of rows between the starts of two rows; the last may lack its line break."""
        piece, lines = Piece(min(sources.BUFFER_BYTES, stop - start)), 0
        while start < stop:
            end = piece.fill(self.source, start, stop)
            lines += count_lines(piece.text, TEXT_PADDING, end)
            start += end - TEXT_PADDING
        return lines + (stop == self.stop)

    def pieces(self, start: int, stop: int) -> Iterator[tuple["Piece", int]]:
        """Yield buffers filled with whole rows between two bytes, and the end of the text in each."""
        size = min(sources.BUFFER_BYTES, stop - start)
        piece = Piece(size)
        while start < stop:
            end = piece.fill(self.source, start, stop)
            if start + end - TEXT_PADDING == self.stop:
                piece.bytes[end] = LINE_END  # the last row lost its own with the blank text at the end
                end += 1
            whole = piece.bytes.rfind(LINE_END, TEXT_PADDING, end) + 1
            if whole:
                yield piece, whole
                start += whole - TEXT_PADDING
            else:  # a row longer than the piece; the next ones may be a little longer
                size = self._row_size(start, size) * 9 // 8
                piece = Piece(size)

    def _row_size(self, start: int, size: int) -> int:
        """Return the size of a row that is longer than `size` bytes."""
        length = self.next_row(start + size) - start
        if length > LONGEST_ROW:
            raise BadInputError(
                f"{self.source.file}: the row that begins at byte {start + 1:,} has {length:,} bytes;"
                f" expected at most {LONGEST_ROW:,}"
            )
        return length


class Piece:
    """A buffer for a part of the text, with `TEXT_PADDING` before and after it."""

    def __init__(self, size: int) -> None:
        self.bytes = bytearray(size + 2 * TEXT_PADDING)
        self.text = np.frombuffer(self.bytes, np.uint8)
        self._inside = memoryview(self.bytes)[TEXT_PADDING : TEXT_PADDING + size]

    def fill(self, source: TextSource, start: int, stop: int) -> int:
        """Read the text from `start` on, at most to `stop`; return its end in the buffer."""
        if found := source.fill(self._inside[: stop - start], start):
            return TEXT_PADDING + found
        raise BadInputError(f"{source.file}: became shorter while it was read")
