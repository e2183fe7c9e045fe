"""Calls of SFTP against servers that answer with nonsense: each call ends, with an error in words."""

import struct
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.filesystems.sftp import calls
from gateway.filesystems.sftp.calls import Calls
from gateway.filesystems.sftp.files import read_into
from gateway.filesystems.sftp.packets import Kind, pack_number, pack_text

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
    monkeypatch.setattr(calls, "MOST_ENTRIES", 100)
    listing = (Kind.NAME, pack_number(7) + 7 * ENTRY)
    server = serving({Kind.OPENDIR: (Kind.HANDLE, pack_text("h")), Kind.READDIR: listing})
    with pytest.raises(FilesystemError, match="/home has more than 100 entries"):
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
