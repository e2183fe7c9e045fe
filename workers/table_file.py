"""The file of a staged table as a descriptor of this machine: its own, or that of a copy of its beginning.

A filesystem that is reached over a network has no descriptor here: the judge gets at most 64 MiB of a file.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from gateway.tables.judge import NotJudged

COPIED_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_BINARY = (".npy", ".parquet")


class Source(Protocol):
    """An open file of a cluster: its size, and reads of its bytes."""

    @property
    def size(self) -> int:
        """The number of its bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from `offset`; nothing at the end of the file."""


@contextmanager
def open_here(source: Source, name: str) -> Iterator[tuple[int, bool]]:
    """Open the file or a copy of its beginning; tell whether it is the whole file.

    Raises
    ------
    NotJudged
        If a part of the file has no meaning.
    """
    if (fd := getattr(source, "fd", None)) is not None:
        yield fd, True
        return
    with tempfile.TemporaryFile() as copy:
        copy_beginning(source, name, copy)
        yield copy.fileno(), source.size <= COPIED_BYTES


def copy_beginning(source: Source, name: str, copy: IO[bytes]) -> None:
    """Copy the first 64 MiB of a file, of a longer text that is not packed up to a line end.

    Raises
    ------
    NotJudged
        If a part of the file has no meaning.
    """
    is_whole, at = source.size <= COPIED_BYTES, 0
    as_it_is = is_whole or source.read_at(0, len(_GZIP)) == _GZIP
    if not is_whole and name.lower().endswith(_BINARY):
        raise NotJudged(f"it has more than {COPIED_BYTES:,} bytes and is not on the worker's machine")
    while at < COPIED_BYTES and (piece := source.read_at(at, min(_PIECE_BYTES, COPIED_BYTES - at))):
        kept = piece if as_it_is or at + len(piece) < COPIED_BYTES else piece[: piece.rfind(b"\n") + 1]
        copy.write(kept)
        at += len(piece)
    copy.seek(0)
