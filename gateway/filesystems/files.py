"""Open files of a cluster: sources that are read, and partial files that are written."""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Protocol

from gateway.errors import FilesystemError

_PIECE_BYTES = 1 << 20


class SourceFile(ABC):
    """A regular file open for reading, with its size when it was opened."""

    path: PurePosixPath
    size: int

    @abstractmethod
    def read_at(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from `offset`; nothing at the end of the file."""

    @abstractmethod
    def read_into(self, buffer: memoryview, offset: int) -> memoryview:
        """Read into the buffer, and return the part of it that is filled; nothing at the end of the file."""

    @abstractmethod
    def is_unchanged(self) -> bool:
        """Return whether size and time of change are those of the opening."""

    def read_whole(self) -> "MemorySlice":
        """Return all the bytes at once."""
        data = self.read_at(0, self.size)
        if len(data) != self.size:
            raise self.changed()
        self.check_unchanged()
        return MemorySlice(data)

    def check_unchanged(self) -> None:
        """Raise FilesystemError when the file is not as it was when it was opened."""
        if not self.is_unchanged():
            raise self.changed()

    def changed(self) -> FilesystemError:
        """Return the error for a file that is not as it was."""
        return FilesystemError(
            f"{self.path} was changed while it was read: retry when no program writes to it"
        )


class FileSlice(io.RawIOBase):
    """A piece of a source as a file of its own, to be sent. `check` is called before each read and may raise.

    The last bytes are given only when the source is unchanged: no store ever has all of another file.
    """

    def __init__(
        self, source: SourceFile, start: int, stop: int, check: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self._check = check
        self._source, self._start, self._length = source, start, stop - start
        self._position = 0

    def __len__(self) -> int:
        return self._length

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: a request that is sent again reads it again."""
        return True

    def tell(self) -> int:
        """Return the position in the piece."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position in the piece."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; a file that has become shorter has changed."""
        rest = self._length - self._position
        self._check()
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted <= 0:
            return b""
        data = self._source.read_at(self._start + self._position, wanted)
        if not data:
            raise self._source.changed()
        self._position += len(data)
        if self._position == self._length:
            self._source.check_unchanged()
        return data

    def pieces(self) -> Iterator[memoryview]:
        """Yield all the bytes in pieces, for a digest; the next piece overwrites the one before.

        The position stays the same.
        """
        buffer, position = memoryview(bytearray(min(_PIECE_BYTES, self._length))), 0
        while position < self._length:
            self._check()
            piece = self._source.read_into(buffer[: self._length - position], self._start + position)
            if not piece:
                raise self._source.changed()
            yield piece
            position += len(piece)


class MemorySlice(io.BytesIO):
    """A small file that was read into memory, with the methods of a FileSlice."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def pieces(self) -> Iterator[memoryview]:
        """Return all the bytes, for a digest."""
        return iter([memoryview(self._data)])


class PartialFile(Protocol):
    """A file that is being written under a temporary name, and the notes beside it about its progress."""

    path: PurePosixPath
    is_far: bool
    """Whether reading the bytes back costs as much as writing them."""

    @property
    def size(self) -> int:
        """The length of the file so far, holes included."""

    def check_space(self, size: int) -> None:
        """Raise FilesystemError when the file cannot grow to that size on the space that is free."""

    def reserve(self, size: int) -> Iterator[int]:
        """Reserve space for so many bytes, in steps where it takes time; yield the bytes taken so far."""

    def write_at(self, data: bytes | memoryview, offset: int) -> None:
        """Write the data, all of it."""

    def read_at(self, buffer: memoryview, offset: int) -> memoryview:
        """Read written bytes into the buffer, and return the part of it that is filled."""

    def digest(self, algorithm: str) -> bytes | None:
        """Return the digest of all bytes as a tool of the cluster computes it; None where none does."""

    def sync(self) -> None:
        """Write all bytes to the disk."""

    def restart(self) -> None:
        """Remove all bytes and notes."""

    def notes(self) -> str:
        """Return the notes of this attempt and of earlier ones."""

    def note(self, text: str) -> None:
        """Add to the notes."""
