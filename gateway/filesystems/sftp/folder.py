"""One folder of an attempt behind SFTP: created once, known by a file in it, read as hostile input.

SFTP tells no inode. So the identity is the name of an empty file, which cannot be guessed, that is created
with the folder; listings pass over it, as it has a temporary name.
"""

import errno
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from secrets import token_hex
from typing import TypeVar

from pydantic import TypeAdapter

from gateway.attempt_files import LIMIT_BYTES, attempt_file_errors, check_kind, check_size, parse_json
from gateway.errors import Fault, FilesystemError
from gateway.filesystems.base import FileRange
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.confinement import SftpConfinement
from gateway.filesystems.sftp.packets import Flag
from gateway.filesystems.sftp.tree import remove_tree

_MARK = re.compile(r"\.identity\.([0-9a-f]{32})\.notes")
_ABSENT = (FileNotFoundError, NotADirectoryError)
_T = TypeVar("_T")


class SftpFolder:
    """A folder below the roots; with an `identity`, reads accept no other folder there."""

    def __init__(self, inside: SftpConfinement, path: PurePosixPath, identity: str | None = None) -> None:
        self._inside, self.path, self._identity = inside, path, identity

    def create(self, mode: int) -> str | None:
        """Create the folder and return its identity, or None when something of that name is already there."""
        place = self._inside.entry(self.path, create=True)
        with filesystem_errors(self.path):
            return self._create_marked(place, mode)

    def create_below(self, names: Sequence[str], mode: int) -> list[str]:
        """Create folders of these names in the folder and return their identities; existing ones are fine."""
        self._checked_place()
        place = self._inside.folder(self.path, write=True)
        with filesystem_errors(self.path):
            return [
                self._create_marked(f"{place}/{name}", mode) or self._mark_existing(f"{place}/{name}")
                for name in names
            ]

    def _create_marked(self, place: str, mode: int) -> str | None:
        try:
            self._calls.make_folder(place, mode)
        except FileExistsError:
            return None
        self._calls.set_mode(place, mode)  # some servers pass over the mode of a new folder
        return self._write_mark(place)

    def _mark_existing(self, place: str) -> str:
        """Return the identity of a folder, which a worker that was killed may have left without one."""
        if not self._calls.lstat(place).is_folder:
            raise FileExistsError(errno.EEXIST, "File exists")
        return self._find_mark(place) or self._write_mark(place)

    def _write_mark(self, place: str) -> str:
        token = token_hex(16)
        flags = Flag.WRITE | Flag.CREATE | Flag.EXCLUSIVE
        self._calls.close(self._calls.open(_mark(place, token), flags, 0o600))
        return f"sftp:{token}"

    def _find_mark(self, place: str) -> str | None:
        found = (_MARK.fullmatch(name) for name, _ in self._calls.entries(place))
        return next((f"sftp:{each[1]}" for each in found if each), None)

    def write_below(self, texts: Mapping[str, str]) -> None:
        """Write new small files, by their paths below the folder, which the gateway alone writes into."""
        place = self._checked_place()
        with filesystem_errors(self.path):
            for name, text in texts.items():
                self._write_new(f"{place}/{name}", text)

    def identity(self) -> str | None:
        """Return the identity of the folder, or None when there is none."""
        try:
            place = self._place()
            with filesystem_errors(self.path):
                if not self._calls.lstat(place).is_folder:
                    return None
                return self._find_mark(place) or "sftp:"
        except FilesystemError as error:
            if error.transient:
                raise
            return None

    def remove(self) -> None:
        """Remove the folder and all below it without following a link; anything else of its name stays."""
        if self.identity() is None:
            return
        try:
            with filesystem_errors(self.path), suppress(FileNotFoundError):
                remove_tree(self._calls, self._place())
        except RecursionError:
            raise FilesystemError(f"{self.path} holds folders that are nested too deeply to remove") from None

    def read_json(self, expected: TypeAdapter[_T], name: str, limit_bytes: int = LIMIT_BYTES) -> _T | None:
        """Return a document of the folder as the expected type, or None for a missing file."""
        found = self._read(name, limit_bytes, whole=True)
        return None if found is None else parse_json(expected, name, found.data)

    def read_tail(self, name: str, limit_bytes: int) -> str:
        """Return the end of a text file of the folder, nothing for a missing file."""
        found = self._read(name, limit_bytes, tail=limit_bytes)
        return "" if found is None else found.data.decode(errors="replace")

    def read_range(self, name: str, offset: int, tail: int | None, limit_bytes: int) -> FileRange | None:
        """Return bytes from the offset, or the last `tail` bytes, or None for a missing file."""
        return self._read(name, limit_bytes, offset=offset, tail=tail)

    def place(self, name: str, text: str) -> bool:
        """Create the file whole unless it is there; return False when the folder is missing."""
        if self.identity() is None:
            return False
        place, calls = self._checked_place(), self._calls
        mine = f"{place}/{name}.{token_hex(4)}"
        with attempt_file_errors(name):
            try:
                self._write_new(mine, text)
                with suppress(FileExistsError):
                    calls.link(mine, f"{place}/{name}")
            finally:
                with suppress(FileNotFoundError):
                    calls.remove(mine)
        return True

    def _write_new(self, place: str, text: str) -> None:
        calls = self._calls
        handle = calls.open(place, Flag.WRITE | Flag.CREATE | Flag.EXCLUSIVE, 0o600)
        try:
            calls.check(calls.write(handle, 0, memoryview(text.encode())))
            calls.sync(handle)
        finally:
            calls.close(handle)

    def _read(
        self, name: str, limit: int, *, offset: int = 0, tail: int | None = None, whole: bool = False
    ) -> FileRange | None:
        place, calls = self._checked_place(), self._calls
        with attempt_file_errors(name):
            try:
                found = calls.lstat(f"{place}/{name}")
                check_kind(name, found.mode)
                handle = calls.open(f"{place}/{name}", Flag.READ)
            except _ABSENT:
                return None
            try:
                size = calls.fstat(handle).size
                if whole:
                    check_size(name, size, limit)
                begin = min(offset, size) if tail is None else max(size - tail, 0)
                return FileRange(_read_all(calls, handle, begin, min(limit, size - begin)), begin, size)
            finally:
                calls.close(handle)

    def _checked_place(self) -> str:
        """Return the folder's path without links; raise FilesystemError where it is another folder."""
        place = self._place()
        if self._identity is not None:
            try:
                self._calls.lstat(_mark(place, self._identity.partition(":")[2]))
            except OSError as error:
                raise FilesystemError(
                    f"{self.path} is another folder than the one that was made for the job: retry the job",
                    Fault.PERMISSION,
                ) from error
        return place

    def _place(self) -> str:
        """Return the folder's path in a parent without links; the folder itself may be no link."""
        return f"{self._inside.folder(self.path.parent)}/{self.path.name}"

    @property
    def _calls(self) -> Calls:
        return self._inside.sessions.first()


def _mark(place: str, token: str) -> str:
    return f"{place}/.identity.{token}.notes"


def _read_all(calls: Calls, handle: bytes, begin: int, length: int) -> bytes:
    data, step = b"", calls.session.most_read
    while len(data) < length:
        piece = calls.data_of(calls.read(handle, begin + len(data), min(step, length - len(data))))
        if not piece:
            break
        data += piece
    return data
