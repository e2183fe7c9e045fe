"""Sizes that a server claims and bodies without a length, compared with the space that there is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path, PurePosixPath

import pytest

from gateway.egress.connection import Take
from gateway.errors import Fault, FilesystemError, GatewayError, StorageError
from gateway.filesystems.shared import SharedFilesystem
from gateway.filesystems.shared_files import SharedPartialFile
from gateway.settings import Settings
from gateway.storage.remote import Readable, RemoteInfo
from gateway.transfers.staging import download as module
from gateway.transfers.staging.download import download
from gateway.transfers.staging.listing import list_objects
from tests.staging import Recorder, attempt, everything

MIB = 1 << 20


class Endless:
    """Claims a size, and sends bytes without an end."""

    warnings = ()

    def __init__(self, size: int | None) -> None:
        self._info = RemoteInfo(size, "one", ranges=size is not None)
        self.readings = 0

    def watched(self, _: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()

    def ask(self) -> RemoteInfo:
        return self._info

    @contextmanager
    def read(self, _: RemoteInfo, __: int, ___: int | None) -> Iterator[Readable]:
        self.readings += 1
        yield self

    def stream(self, take: Take) -> None:
        while take(memoryview(bytes(MIB))):
            pass

    def close(self) -> None:
        pass

    def cut(self) -> None:
        pass


def _fetch(server: Endless, folder: Path, progress: Recorder) -> None:
    incoming = SharedFilesystem([PurePosixPath(folder)]).receive(PurePosixPath(folder / "x"), "")
    download(server, incoming, attempt(progress, Settings(connections=2)))


@pytest.mark.parametrize("size", [1 << 63, 10**25, -5])
def test_a_size_that_no_file_can_have_is_refused_before_anything_counts_with_it(
    size: int, tmp_path: Path
) -> None:
    server, progress = Endless(size), Recorder()
    with pytest.raises(StorageError, match=f"gives {size} bytes as the size of the file, which no") as caught:
        _fetch(server, tmp_path, progress)
    assert (caught.value.transient, caught.value.fault) == (False, Fault.SPACE)
    assert (server.readings, progress.total, everything(tmp_path)) == (0, None, [])


def test_a_size_beyond_the_free_space_is_refused_with_both_numbers(tmp_path: Path) -> None:
    server = Endless(10**17)
    with pytest.raises(
        FilesystemError,
        match=r"no space is left .* it has 100000000000000000 bytes or more, and \d+ are free",
    ) as caught:
        _fetch(server, tmp_path, Recorder())
    assert (caught.value.transient, caught.value.fault) == (False, Fault.SPACE)
    assert (server.readings, everything(tmp_path)) == (0, [])


def test_a_body_without_a_length_is_compared_with_the_free_space_while_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def check_space(_: SharedPartialFile, size: int) -> None:
        seen.append(size)
        if size > 40 * MIB:
            raise FilesystemError("no space is left")

    monkeypatch.setattr(SharedPartialFile, "check_space", check_space)
    monkeypatch.setattr(module, "SPACE_STEP_BYTES", 16 * MIB)
    with pytest.raises(FilesystemError, match="no space is left"):
        _fetch(Endless(None), tmp_path, Recorder())
    assert seen == [0, MIB, 18 * MIB, 35 * MIB, 52 * MIB]
    assert everything(tmp_path) == []


class Listed:
    """A prefix with made-up entries."""

    def __init__(self, entries: Iterator[tuple[str, int]]) -> None:
        self._entries = entries

    def watched(self, _: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()

    def below(self) -> Iterator[tuple[str, int]]:
        return self._entries

    def close(self) -> None:
        pass

    def cut(self) -> None:
        pass


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (("k" * (1 << 20), 1), "names below it have more than 33554432 bytes: take smaller parts"),
        (("k", 1 << 62), "files below it have 9223372036854775808 bytes, which no filesystem can hold"),
    ],
)
def test_names_and_sizes_of_a_listing_are_bounded_in_sum(entry: tuple[str, int], says: str) -> None:
    with pytest.raises(GatewayError, match=says):
        list_objects(Listed(entry for _ in range(1000)), Recorder(), 50_000)
