"""The Filesystem of a cluster, however the worker reaches it, and a folder of an attempt in it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from gateway.attempt_files import LIMIT_BYTES
from gateway.filesystems.files import PartialFile, SourceFile
from gateway.filesystems.publication import Existing

_T = TypeVar("_T")


@dataclass(frozen=True)
class FileRange:
    """A piece of a file: its bytes, where they begin, and the size of the file."""

    data: bytes
    offset: int
    size: int


class Folder(Protocol):
    """A folder of an attempt; with an identity, reads accept no other folder in its place."""

    path: PurePosixPath

    def create(self, mode: int) -> str | None:
        """Create the folder and return its identity, or None when something of that name is already there."""

    def create_below(self, names: Sequence[str], mode: int) -> list[str]:
        """Create folders of these names in the folder and return their identities; existing ones are fine."""

    def write_below(self, texts: Mapping[str, str]) -> None:
        """Write new small files, by their paths below the folder, which the gateway alone writes into."""

    def identity(self) -> str | None:
        """Return the identity of the folder, or None when there is none."""

    def remove(self) -> None:
        """Remove the folder and all below it without following a link; anything else of its name stays."""

    def read_json(self, expected: TypeAdapter[_T], name: str, limit_bytes: int = LIMIT_BYTES) -> _T | None:
        """Return a document of the folder as the expected type, or None for a missing file."""

    def read_tail(self, name: str, limit_bytes: int) -> str:
        """Return the end of a text file of the folder, nothing for a missing file."""

    def read_range(self, name: str, offset: int, tail: int | None, limit_bytes: int) -> FileRange | None:
        """Return bytes from the offset, or the last `tail` bytes, or None for a missing file."""

    def place(self, name: str, text: str) -> bool:
        """Create the file whole unless it is there; return False when the folder is missing."""


class Filesystem(ABC):
    """The part of a cluster's filesystem below some roots. Paths come here already judged by their text."""

    @abstractmethod
    def read(self, path: PurePosixPath) -> AbstractContextManager[SourceFile]:
        """Open a regular file."""

    @abstractmethod
    def receive(
        self, path: PurePosixPath, token: str = "", existing: Existing = Existing.REPLACE
    ) -> AbstractContextManager[PartialFile]:
        """Open a file for writing, which appears at `path` when the block ends well, and else nowhere.

        Folders are created. The file has a temporary name beside `path` until its bytes are on the
        disk; then it takes its name in one step, as `existing` allows. With a `token` a block that ended
        before its time leaves its bytes, and the next one with that token, in any process, goes on with
        them: after an error that is worth another attempt, or when this process was killed or stopped.
        When no attempt follows, `discard` removes them.
        """

    @abstractmethod
    def discard(self, path: PurePosixPath, token: str) -> None:
        """Remove the temporary files of a `receive` with that token; none is fine."""

    @abstractmethod
    def remove_folder(self, path: PurePosixPath) -> None:
        """Remove a folder and all below it without following a link; a missing folder is fine."""

    @abstractmethod
    def remove_file(self, path: PurePosixPath, size: int, written_before: datetime) -> None:
        """Remove a regular file of this size that was not written since the given time.

        Any other file stays; a missing file is no error.
        """

    @abstractmethod
    def files(
        self, path: PurePosixPath, omit: Callable[[str], None] = lambda _: None
    ) -> Iterator[tuple[str, int]]:
        """Yield name and size of every file below a folder; a link must lead to a file that may be read.

        Files and folders out of reach are passed over; `omit` is called with the name of each.
        """

    @abstractmethod
    def make_folder(self, path: PurePosixPath) -> None:
        """Create the folder and those above it; one that exists is fine."""

    @abstractmethod
    def exists(self, path: PurePosixPath) -> bool:
        """Return whether there is a file or folder at `path`; a link that leaves the roots is refused."""

    @abstractmethod
    def check_writable(self, path: PurePosixPath) -> None:
        """Raise FilesystemError when something below `path`, as far as it exists, may not be written."""

    @abstractmethod
    def links(self, path: PurePosixPath) -> list[PurePosixPath]:
        """Return the paths of the links in a folder; a missing folder has none."""

    @abstractmethod
    def attempt_folder(self, path: PurePosixPath, identity: str | None = None) -> Folder:
        """Return a folder of an attempt, which need not exist."""

    def write_text(self, path: PurePosixPath, text: str) -> None:
        """Write a small file whole: a reader sees the old text or the new one."""
        with self.receive(path) as incoming:
            incoming.write_at(text.encode(), 0)

    def read_text(self, path: PurePosixPath, limit_bytes: int, *, tail: bool = False) -> str:
        """Return at most `limit_bytes` of a text file, from its start or, with `tail`, up to its end."""
        with self.read(path) as source:
            start = max(source.size - limit_bytes, 0) if tail else 0
            return source.read_at(start, limit_bytes).decode(errors="replace")
