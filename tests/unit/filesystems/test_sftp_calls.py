"""Calls of SFTP against servers that answer with nonsense: each call ends, with an error in words."""

import hashlib
import struct
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.command_runners.base import CommandResult
from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.filesystems import listing_bounds
from gateway.filesystems.sftp import calls, digests
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.files import read_into
from gateway.filesystems.sftp.packets import Kind, pack_number, pack_text
from gateway.filesystems.sftp.session import bound_limit

Answers = tuple[Kind, bytes] | list[tuple[Kind, bytes]]
ENTRY = pack_text("x") + pack_text("long") + pack_number(0)


class Server:
    """A session whose server answers each kind of request with one packet again and again, or with some."""

    def __init__(self, answers: dict[Kind, Answers]) -> None:
        self._answers: dict[Kind, Answers] = {Kind.CLOSE: (Kind.STATUS, pack_number(0)), **answers}
        self.extensions: dict[str, str] = {calls.SPACE: "2"}

    def request(self, kind: Kind, *_fields: bytes) -> Kind:
        return kind

    def result(self, kind: Kind) -> tuple[int, bytes]:
        found = self._answers[kind]
        return found.pop(0) if isinstance(found, list) else found


def serving(answers: dict[Kind, Answers]) -> Calls:
    server: Any = Server(answers)
    return Calls(server)


def test_a_listing_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_bounds, "MOST_ENTRIES", 100)
    listing = (Kind.NAME, pack_number(7) + 7 * ENTRY)
    server = serving({Kind.OPENDIR: (Kind.HANDLE, pack_text("h")), Kind.READDIR: listing})
    with pytest.raises(FilesystemError, match="/home has more than 100 entries"):
        list(server.entries("/home"))


def test_a_listing_of_endless_names_is_given_up() -> None:
    long = (Kind.NAME, pack_number(1) + pack_text("x" * 900_000) + pack_text("long") + pack_number(0))
    server = serving({Kind.OPENDIR: (Kind.HANDLE, pack_text("h")), Kind.READDIR: long})
    with pytest.raises(FilesystemError, match="names of more than 33,554,432 bytes"):
        list(server.entries("/home"))


@pytest.mark.parametrize(
    "listing",
    [
        (Kind.NAME, pack_number(0xFFFFFFFF) + ENTRY),
        (Kind.NAME, pack_number(1) + struct.pack(">I", 1 << 31)),
        (Kind.NAME, b""),
        (Kind.DATA, ENTRY),
        (Kind.STATUS, b""),
    ],
    ids=["count", "length", "empty", "kind", "status"],
)
def test_a_packet_of_nonsense_is_no_listing(listing: tuple[Kind, bytes]) -> None:
    server = serving({Kind.OPENDIR: (Kind.HANDLE, pack_text("h")), Kind.READDIR: listing})
    with pytest.raises(FilesystemUnavailable, match="cut short|another answer"):
        list(server.entries("/home"))


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../../etc/passwd"])
def test_a_name_that_leads_elsewhere_is_no_entry(name: str) -> None:
    entry = pack_text(name) + pack_text("") + pack_number(0)
    listing = [(Kind.NAME, pack_number(2) + entry + ENTRY), (Kind.STATUS, pack_number(1))]
    server = serving({Kind.OPENDIR: (Kind.HANDLE, pack_text("h")), Kind.READDIR: listing})
    assert [found for found, _ in server.entries("/home")] == ["x"]


def test_a_server_that_sends_byte_by_byte_is_read_to_the_end() -> None:
    content = bytes(range(256)) * 20
    server = serving({Kind.READ: [(Kind.DATA, pack_text(content[n : n + 1])) for n in range(len(content))]})
    server.session.most_read = len(content)
    handles: Any = SimpleNamespace(mine=lambda: (server, b"h"))
    assert read_into(handles, memoryview(bytearray(len(content))), 0) == content


def test_a_disk_of_nonsense_has_some_numbers() -> None:
    server = serving({Kind.EXTENDED: (Kind.EXTENDED_REPLY, 11 * b"\xff" * 8)})
    space = server.space("/home")
    assert space is not None
    assert space.free > 0


class OneByOne(Server):
    """A server that sends at most so many bytes of its file for each read."""

    most_read = 1 << 15

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__({})
        self._data, self._most = data, most
        self.requests = 0

    def request(self, _kind: Kind, *fields: bytes) -> Any:
        self.requests += 1
        (offset,), (length,) = struct.unpack(">Q", fields[1]), struct.unpack(">I", fields[2])
        return self._data[offset : offset + min(length, self._most)]

    def result(self, data: Any) -> tuple[int, bytes]:
        return (Kind.DATA, pack_text(data)) if data else (Kind.STATUS, pack_number(1))


@pytest.mark.parametrize("most", [1, 1000, 1 << 20])
def test_a_server_that_sends_short_pieces_is_read_to_the_end(most: int) -> None:
    data, reader = bytes(range(256)) * 200, OneByOne(bytes(range(256)) * 200, most)
    handles: Any = SimpleNamespace(mine=lambda: (Calls(reader), b"h"))  # type: ignore[arg-type]
    assert bytes(read_into(handles, memoryview(bytearray(len(data))), 0)) == data
    assert reader.requests <= 2 + len(data) // most
    longer = memoryview(bytearray(300 + (1 << 16)))
    assert bytes(read_into(handles, longer, len(data) - 300)) == data[-300:]


@pytest.mark.parametrize(
    ("told", "most"), [(0, 32768), (1, 32768), (1 << 15, 32768), (1 << 17, 1 << 17), (2**64 - 1, 255 << 10)]
)
def test_a_limit_that_a_server_tells_has_bounds(told: int, most: int) -> None:
    """A limit of one byte would be eight million requests at once for a part of eight mebibytes."""
    assert bound_limit(told) == most


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (b"900150983cd24fb0d6963f7d28e17f72  x\n", True),
        (b"\\900150983cd24fb0d6963f7d28e17f72  x\n", True),
        (b"900150983cd24fb0d6963f7d28e17f720  x\n", False),
        (b"900150983cd24fb0d6963f7d28e17f7290  x\n", False),
        (b"Welcome\n900150983cd24fb0d6963f7d28e17f72  x\n", False),
        (b"", False),
    ],
    ids=["plain", "escaped", "odd", "long", "chatty", "nothing"],
)
def test_a_digest_of_another_length_is_none(
    printed: bytes, *, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is then read back."""
    runner = SimpleNamespace(run=lambda _argv, **_: CommandResult(0, printed, b""))
    monkeypatch.setattr(digests, "open_runner", lambda _: runner)
    cluster: Any = SimpleNamespace(commands="ssh")
    digest = digests.compute_digest(cluster, "/x", 3, "md5")
    assert digest == (hashlib.md5(b"abc", usedforsecurity=False).digest() if found else None)
