"""The check of a file that is far: it can be ended while a tool, or the worker, reads the file."""

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.errors import Cancelled
from gateway.storage.checksums import Verifier
from gateway.storage.remote import RemoteInfo
from gateway.transfers.staging.part_queue import PartQueue
from gateway.transfers.staging.verification import Check, choose_check

DATA = bytes(range(256)) * (12 << 12)
CHECKSUMS = {"sha256": hashlib.sha256(DATA).hexdigest()}


class FarFile:
    """A file that is far; its tool waits until it is let go, or there is none."""

    is_far = True

    def __init__(self, *, has_tool: bool) -> None:
        self._has_tool, self.let_go, self.reads = has_tool, threading.Event(), 0

    def digest(self, algorithm: str) -> bytes | None:
        self.let_go.wait()
        return hashlib.new(algorithm, DATA).digest() if self._has_tool else None

    def read_at(self, buffer: memoryview, offset: int) -> memoryview:
        self.reads += 1
        data = DATA[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        return buffer[: len(data)]


def check_of(file: Any, reports: Iterator[Exception | None]) -> Check:
    def report() -> None:
        if error := next(reports):
            raise error

    parts = PartQueue(len(DATA), 0)
    part = parts.take(1, 1)
    assert part is not None
    part.done = len(DATA)
    parts.finish(part)
    info = RemoteInfo(len(DATA), "v", ranges=True, checksums=CHECKSUMS)
    return choose_check(file, parts, Verifier(info), 0, report)


@pytest.mark.parametrize("has_tool", [True, False])
def test_it_is_made_by_the_tool_or_by_reading(*, has_tool: bool) -> None:
    file = FarFile(has_tool=has_tool)
    file.let_go.set()
    check = check_of(file, iter(lambda: None, 0))
    assert not check.step(), "no byte comes back before the file is whole"
    assert check.agrees()
    assert (file.reads == 0) is has_tool


def test_it_ends_while_the_tool_runs() -> None:
    file = FarFile(has_tool=True)
    try:
        with pytest.raises(Cancelled):
            check_of(file, iter([None, Cancelled("on request")])).agrees()
    finally:
        file.let_go.set()


def test_it_ends_while_the_file_is_read() -> None:
    file = FarFile(has_tool=False)
    file.let_go.set()
    reports = iter(lambda: Cancelled("on request") if file.reads else None, 0)
    with pytest.raises(Cancelled):
        check_of(file, reports).agrees()
    assert file.reads == 1
