"""Calls of SFTP: each sends a request, waits for the answer, and raises OSError as a call here does."""

import errno
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from gateway.errors import FilesystemUnavailable
from gateway.filesystems.listing_bounds import EntryCount
from gateway.filesystems.sftp.packets import (
    Attributes,
    Fields,
    Kind,
    pack_attributes,
    pack_large,
    pack_number,
    pack_text,
)
from gateway.filesystems.sftp.session import Session

_EOF, _OK = 1, 0
_CODES = {2: errno.ENOENT, 3: errno.EACCES, 8: errno.EOPNOTSUPP}
_LOST = frozenset({6, 7})
FSYNC, RENAME, LINK, SPACE = (
    *("fsync@openssh.com", "posix-rename@openssh.com"),
    *("hardlink@openssh.com", "statvfs@openssh.com"),
)
Answer = Future[tuple[int, bytes]]


class SftpFailure(OSError):
    """The server refused without a reason: a full disk, a quota and a taken name have one code."""


@dataclass(frozen=True)
class Space:
    """Free bytes of a filesystem for this account, and its size."""

    free: int
    total: int


class Calls:
    """The calls of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def stat(self, path: str) -> Attributes:
        """Return the attributes of the file to which the path leads."""
        return self._ask(Kind.ATTRS, Kind.STAT, pack_text(path)).attributes()

    def lstat(self, path: str) -> Attributes:
        """Return the attributes of the path itself, also of a link."""
        return self._ask(Kind.ATTRS, Kind.LSTAT, pack_text(path)).attributes()

    def fstat(self, handle: bytes) -> Attributes:
        """Return the attributes of an open file."""
        return self._ask(Kind.ATTRS, Kind.FSTAT, pack_text(handle)).attributes()

    def real_path(self, path: str) -> str:
        """Return the path without links."""
        fields = self._ask(Kind.NAME, Kind.REALPATH, pack_text(path))
        fields.number()
        return fields.text()

    def open(self, path: str, flags: int, mode: int | None = None) -> bytes:
        """Open a file, and return its handle."""
        return self._ask(
            Kind.HANDLE, Kind.OPEN, pack_text(path), pack_number(flags), pack_attributes(mode=mode)
        ).data()

    def close(self, handle: bytes) -> None:
        """Close a handle."""
        self._do(Kind.CLOSE, pack_text(handle))

    def read(self, handle: bytes, offset: int, length: int) -> Answer:
        """Request bytes of an open file; `data_of` has them."""
        return self.session.request(Kind.READ, pack_text(handle), pack_large(offset), pack_number(length))

    def data_of(self, answer: Answer) -> bytes:
        """Return the bytes of a read; none at the end of the file."""
        kind, body = self.session.result(answer)
        if kind == Kind.DATA:
            return Fields(body).data()
        _check(kind, body, (_OK, _EOF))
        return b""

    def write(self, handle: bytes, offset: int, data: memoryview) -> Answer:
        """Request a write; `check` tells its end."""
        head = pack_text(handle) + pack_large(offset) + pack_number(len(data))
        return self.session.request(Kind.WRITE, head, data)

    def check(self, answer: Answer) -> None:
        """Wait for the end of a request; raise its error."""
        _check(*self.session.result(answer))

    def sync(self, handle: bytes) -> None:
        """Write the bytes of an open file to the disk, where the server can."""
        if FSYNC in self.session.extensions:
            self._do(Kind.EXTENDED, pack_text(FSYNC), pack_text(handle))

    def set_size(self, handle: bytes, size: int) -> None:
        """Cut or lengthen an open file."""
        self._do(Kind.FSETSTAT, pack_text(handle), pack_attributes(size=size))

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permissions of a path."""
        self._do(Kind.SETSTAT, pack_text(path), pack_attributes(mode=mode))

    def rename(self, source: str, target: str) -> None:
        """Rename in one step; a file at the target is replaced."""
        if RENAME in self.session.extensions:
            self._do(Kind.EXTENDED, pack_text(RENAME), pack_text(source), pack_text(target))
            return
        raise OSError(errno.EOPNOTSUPP, "the SFTP server cannot replace a file (posix-rename@openssh.com)")

    def link(self, source: str, target: str) -> None:
        """Make a second name of a file; raise FileExistsError when something has that name."""
        self._create(target, Kind.EXTENDED, pack_text(LINK), pack_text(source), pack_text(target))

    def make_folder(self, path: str, mode: int | None = None) -> None:
        """Create a folder; raise FileExistsError when something has its name."""
        self._create(path, Kind.MKDIR, pack_text(path), pack_attributes(mode=mode))

    def remove(self, path: str) -> None:
        """Remove a file or link."""
        self._do(Kind.REMOVE, pack_text(path))

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._do(Kind.RMDIR, pack_text(path))

    def entries(self, path: str) -> Iterator[tuple[str, Attributes]]:
        """Yield names and attributes of a folder's entries, links themselves; a server may send no end."""
        handle, count = self._ask(Kind.HANDLE, Kind.OPENDIR, pack_text(path)).data(), EntryCount(path)
        try:
            while found := self._next_entries(handle):
                for name, _ in found:
                    count.add(name)
                yield from (each for each in found if each[0] not in {".", ".."} and "/" not in each[0])
        finally:
            self.close(handle)

    def space(self, path: str) -> Space | None:
        """Return the free space where the path lies, or None where the server does not tell."""
        if SPACE not in self.session.extensions:
            return None
        fields = self._ask(Kind.EXTENDED_REPLY, Kind.EXTENDED, pack_text(SPACE), pack_text(path))
        _, block, blocks, _, free = (fields.large() for _ in range(5))
        return Space(free * block, blocks * block)

    def _next_entries(self, handle: bytes) -> list[tuple[str, Attributes]]:
        kind, body = self.session.result(self.session.request(Kind.READDIR, pack_text(handle)))
        if kind != Kind.NAME:
            _check(kind, body, (_EOF,))
            return []
        fields = Fields(body)
        found = []
        for _ in range(fields.number()):  # a number that is too large meets the end of the packet
            name, _long = fields.text(), fields.data()
            found.append((name, fields.attributes()))
        return found

    def _ask(self, expected: Kind, kind: Kind, *fields: bytes) -> Fields:
        found, body = self.session.result(self.session.request(kind, *fields))
        if found != expected:
            _check(found, body, ())
        return Fields(body)

    def _create(self, path: str, kind: Kind, *fields: bytes) -> None:
        """Create something at the path; only a look tells whether a failure is that of a taken name."""
        try:
            self._do(kind, *fields)
        except SftpFailure as failure:
            try:
                self.lstat(path)
            except OSError:
                raise failure from None
            raise FileExistsError(errno.EEXIST, "File exists") from None

    def _do(self, kind: Kind, *fields: bytes) -> None:
        self.check(self.session.request(kind, *fields))


def _check(kind: int, body: bytes, expected: tuple[int, ...] = (_OK,)) -> None:
    """Raise OSError for a status that tells of an error."""
    if kind != Kind.STATUS:
        raise FilesystemUnavailable("the cluster's SFTP server sent another answer than was asked for")
    fields = Fields(body)
    code = fields.number()
    if code in expected:
        return
    said = fields.text() if fields.left else ""
    if code in _LOST:
        raise FilesystemUnavailable("the cluster's SFTP server has lost its connection")
    if code in _CODES:
        raise OSError(_CODES[code], said)
    raise SftpFailure(0, said or "failure")
