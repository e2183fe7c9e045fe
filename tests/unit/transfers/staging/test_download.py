"""Joined parts for a store that refuses requests: fewer requests, the same bytes, and the journal of them."""

import itertools
import os
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath

import pytest
from awscrt.checksums import crc64nvme

from gateway.egress.connection import Take
from gateway.errors import StorageBusy, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.remote import Readable, RemoteInfo
from gateway.transfers.staging import download, parts
from gateway.transfers.staging.part_queue import Part, PartQueue
from gateway.transfers.staging.parts import PartRunner
from tests.staging import Recorder, attempt

STEP = 64 << 10  # the parts of these tests
PARTS = 64
DATA = os.urandom(STEP) * (PARTS - 1) + b"short"
TOKEN = "a" * 32
OF_PARTS = sha256(
    b"".join(sha256(DATA[n : n + STEP]).digest() for n in range(0, len(DATA), STEP))
).hexdigest()
CHECKSUMS: list[dict[str, str]] = [
    {},
    {"sha256": sha256(DATA).hexdigest()},
    {"sha256-parts": f"{OF_PARTS}-{PARTS}"},
    {"crc64nvme": f"{crc64nvme(DATA):016x}"},
]


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(download, "SMALLEST_PART_BYTES", STEP)
    monkeypatch.setattr(download, "LARGEST_PART_BYTES", STEP)


@dataclass
class Answer:
    """An answer."""

    body: BytesIO

    def stream(self, take: Take) -> None:
        while (piece := self.body.read(STEP)) and take(memoryview(piece)):
            pass


@dataclass
class Store:
    """Refuses some requests, told by their numbers; and may break for good in the middle of a long answer."""

    refused: Container[int] = ()
    breaks: bool = False
    checksums: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    _broken: bool = False
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def watched(self, _: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()

    def ask(self) -> RemoteInfo:
        return RemoteInfo(len(DATA), "one", ranges=True, checksums=self.checksums, parts_bytes=STEP)

    @contextmanager
    def read(self, _: RemoteInfo, start: int, stop: int | None) -> Iterator[Readable]:
        if next(self._numbers) in self.refused:
            raise StorageBusy("slow down")
        if self._broken:
            raise StorageUnavailable("gone")
        assert stop is not None
        self.asked.append((start, stop))
        self._broken = self.breaks and stop - start >= 3 * STEP
        yield Answer(BytesIO(DATA[start : stop - STEP - STEP // 2 if self._broken else stop]))

    def close(self) -> None:
        pass

    def cut(self) -> None:
        pass


def _fetch(store: Store, folder: Path, connections: int = 4) -> None:
    incoming = SharedFilesystem([PurePosixPath(folder)]).receive(PurePosixPath(folder / "x"), TOKEN)
    settings = Settings(connections=connections, transfer_timeout_s=60)
    download.download(store, incoming, attempt(Recorder(), settings))


@pytest.mark.parametrize("checksums", CHECKSUMS, ids=",".join)
@pytest.mark.parametrize("connections", [1, 4])
def test_refusals_make_requests_fewer_and_the_bytes_stay_the_same(
    checksums: dict[str, str], connections: int, tmp_path: Path
) -> None:
    store = Store(range(4), checksums=checksums)
    _fetch(store, tmp_path, connections)
    assert (tmp_path / "x").read_bytes() == DATA
    assert len(store.asked) < PARTS // 2
    asked = sorted(store.asked)
    assert [start for start, _ in asked[1:]] == [stop for _, stop in asked[:-1]]  # nothing twice


def test_no_one_asks_for_more_than_a_share_of_what_is_left(tmp_path: Path) -> None:
    store = Store(range(0, 40, 2))
    _fetch(store, tmp_path)
    longest = max(stop - start for start, stop in store.asked)
    assert 2 * STEP <= longest <= PARTS // 4 * STEP


def test_without_a_refusal_every_part_is_a_request(tmp_path: Path) -> None:
    store = Store()
    _fetch(store, tmp_path)
    assert len(store.asked) == PARTS


@pytest.mark.parametrize("checksums", CHECKSUMS, ids=",".join)
def test_what_a_long_request_has_brought_before_it_broke_is_noted_piece_by_piece(
    checksums: dict[str, str], tmp_path: Path
) -> None:
    store = Store(range(0, 12, 2), breaks=True, checksums=checksums)
    with pytest.raises(StorageUnavailable, match="gone"):
        _fetch(store, tmp_path, 2)
    notes = (tmp_path / f".x.{TOKEN}.notes").read_text().splitlines()
    kept = {int(line.split()[0]) for line in notes if line.endswith(" done")}
    start, stop = store.asked[-1]
    pieces = range(start // STEP + 1, stop // STEP + 1)
    assert kept.issuperset(pieces[:-2])
    assert kept.isdisjoint(pieces[-2:])
    again = Store(checksums=checksums)
    _fetch(again, tmp_path)
    assert (tmp_path / "x").read_bytes() == DATA
    assert {start // STEP + 1 for start, _ in again.asked} == set(range(1, PARTS + 1)) - kept


@pytest.mark.parametrize("checksums", CHECKSUMS[1:], ids=",".join)
def test_wrong_bytes_of_a_long_request_are_noticed(checksums: dict[str, str], tmp_path: Path) -> None:
    wrong = {name: f"{value[7::-1]}{value[8:]}" for name, value in checksums.items()}
    with pytest.raises(StorageUnavailable, match="checksum that the store gives"):
        _fetch(Store(range(4), checksums=wrong), tmp_path)


def test_requests_become_shorter_again_when_nothing_was_refused_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "CALM_S", 0.0)
    store = Store(range(4))
    _fetch(store, tmp_path, 1)
    assert (tmp_path / "x").read_bytes() == DATA
    assert [stop - start for start, stop in store.asked[-10:-1]] == [STEP] * 9


def test_parts_of_an_upload_stay_as_they_were_numbered() -> None:
    numbers, stored = itertools.count(), list[int]()

    def work(part: Part, _: object) -> None:
        if next(numbers) in range(0, 40, 2):
            raise StorageBusy("slow down")
        part.done = 10
        stored.append(part.number)

    PartRunner(PartQueue(400, 10), 4, work, lambda: None).run(lambda: None)
    assert sorted(stored) == list(range(1, 41))
