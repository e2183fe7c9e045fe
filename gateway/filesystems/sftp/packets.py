"""Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): fields, file attributes and their numbers."""

import stat
import struct
from dataclasses import dataclass
from enum import IntEnum

from gateway.errors import FilesystemUnavailable

VERSION = 3
LARGEST_BYTES = 1 << 20  # of a packet; servers send at most 256 KiB
_SIZE, _IDS, _PERMISSIONS, _TIMES, _EXTENDED = 1, 2, 4, 8, 0x80000000
_MOST_FIELDS = 64


class Kind(IntEnum):
    """The types of packets."""

    INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT = 1, 2, 3, 4, 5, 6, 7, 8
    SETSTAT, FSETSTAT, OPENDIR, READDIR, REMOVE, MKDIR, RMDIR = 9, 10, 11, 12, 13, 14, 15
    REALPATH, STAT, RENAME, READLINK = 16, 17, 18, 19
    STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
    EXTENDED, EXTENDED_REPLY = 200, 201


class Flag(IntEnum):
    """The flags of an open."""

    READ, WRITE, APPEND, CREATE, TRUNCATE, EXCLUSIVE = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class Attributes:
    """Size, mode and time of change of a file; the server leaves out those that it does not know."""

    size: int = 0
    mode: int = 0
    mtime: int = 0

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


def pack_text(value: str | bytes) -> bytes:
    """Return the field of a string; names that are not UTF-8 keep their bytes."""
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack(">I", len(data)) + data


def pack_number(value: int) -> bytes:
    """Return the field of a number of 32 bits."""
    return struct.pack(">I", value)


def pack_large(value: int) -> bytes:
    """Return the field of a number of 64 bits."""
    return struct.pack(">Q", value)


def pack_attributes(*, size: int | None = None, mode: int | None = None) -> bytes:
    """Return the field of attributes, with those that are given."""
    flags = (_SIZE if size is not None else 0) | (_PERMISSIONS if mode is not None else 0)
    given = (b"" if size is None else pack_large(size)) + (b"" if mode is None else pack_number(mode))
    return pack_number(flags) + given


class Fields:
    """The fields of a packet, read one after the other; a packet that ends early is no answer."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """The bytes that are not read yet."""
        return len(self._data) - self._at

    def data(self) -> bytes:
        """Return the next string."""
        length = self.number()
        if length > self.left:
            raise FilesystemUnavailable("the cluster's SFTP server sent a packet that is cut short")
        self._at += length
        return self._data[self._at - length : self._at]

    def text(self) -> str:
        """Return the next string as text."""
        return self.data().decode("utf-8", "surrogateescape")

    def number(self) -> int:
        """Return the next number of 32 bits."""
        return self._unpack(">I")

    def large(self) -> int:
        """Return the next number of 64 bits."""
        return self._unpack(">Q")

    def attributes(self) -> Attributes:
        """Return the next attributes."""
        flags = self.number()
        size = self.large() if flags & _SIZE else 0
        if flags & _IDS:
            self.large()
        mode = self.number() if flags & _PERMISSIONS else 0
        times = (self.number(), self.number()) if flags & _TIMES else (0, 0)
        for _ in range(min(self.number(), _MOST_FIELDS) if flags & _EXTENDED else 0):
            self.data(), self.data()
        return Attributes(size, mode, times[1])

    def _unpack(self, form: str) -> int:
        size = struct.calcsize(form)
        if size > self.left:
            raise FilesystemUnavailable("the cluster's SFTP server sent a packet that is cut short")
        self._at += size
        return int(struct.unpack_from(form, self._data, self._at - size)[0])
