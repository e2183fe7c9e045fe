"""Lines before the header: millions of blank ones or comments are passed over in pieces."""

import pytest

from hpc_kernels.tables.csv.preamble import read_preamble
from hpc_kernels.tables.csv.source import TextSource

LINES = 1 << 20
MOST_READS = 200  # of pieces of a file of a few megabytes


class Counted:
    """A text that counts how often it is read."""

    def __init__(self, text: bytes) -> None:
        self._text, self.reads = text, 0
        self.source = TextSource("t.csv", len(text), self._fill)

    def _fill(self, buffer: memoryview, start: int) -> int:
        self.reads += 1
        found = self._text[start : start + len(buffer)]
        buffer[: len(found)] = found
        return len(found)


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"  \n", b"\t\r\n", b"#\n", b" # a comment\r\n"])
def test_many_lines_before_the_header_are_read_in_pieces(line: bytes) -> None:
    counted = Counted(line * LINES + b"x;y\n1;2\n")
    found = read_preamble(counted.source)
    assert (found.start, found.row) == (len(line) * LINES, LINES + 1)
    assert found.comments == (LINES if b"#" in line else 0)
    assert counted.reads <= MOST_READS


@pytest.mark.parametrize(
    ("text", "row", "comments", "separator", "comment"),
    [
        (b"#a\n\n# b \r\nx;y\n", 4, 2, b"", b"b"),
        (b"\nsep=,\n#a\nx,y\n", 4, 1, b",", b"a"),
        (b"#a\nsep=;\n\tx\n", 3, 1, b";", b"a"),
        (b"#" + b"z" * 3000 + b"\nx\n", 2, 1, b"", b"z" * 3000),
        (b"#" + b"z" * 5000 + b"\nx\n", 2, 1, b"", b""),
        (b" " * 5000 + b"#k\nx\n", 2, 0, b"", b""),
        (b"#no end", 2, 1, b"", b""),
        (b"\n\n", 3, 0, b"", b""),
        (b"", 1, 0, b"", b""),
    ],
)
def test_lines_before_the_header_count_one_by_one(
    text: bytes, row: int, comments: int, separator: bytes, comment: bytes
) -> None:
    found = read_preamble(Counted(text).source)
    assert (found.row, found.comments, found.separator, found.comment) == (row, comments, separator, comment)
