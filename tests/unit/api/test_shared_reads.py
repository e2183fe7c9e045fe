"""Shared reads: equal requests share a read that has not begun, never one that has."""

import asyncio
import threading

import pytest

from api import shared_reads
from api.shared_reads import SharedReads
from gateway.errors import Invalid


class Reading:
    """A read that counts its calls and waits at its gate."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self.calls: list[str] = []

    def __call__(self, key: str) -> str:
        self.calls.append(key)
        self.begun.set()
        assert self.gate.wait(10)
        if key == "bad":
            raise Invalid("a bad key")
        return f"{key} {self.calls.count(key)}"


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    monkeypatch.setattr(shared_reads, "PATIENCE_S", 10.0)
    return Reading()


async def begun(reads: SharedReads[str, str], reading: Reading, key: str) -> "asyncio.Task[str]":
    """Ask, and wait until the read has begun."""
    task = asyncio.create_task(reads.result_of(key))
    await asyncio.sleep(0)
    await asyncio.to_thread(reading.begun.wait, 10)
    return task


async def ask(reads: SharedReads[str, str], *keys: str) -> list["asyncio.Task[str]"]:
    tasks = [asyncio.create_task(reads.result_of(key)) for key in keys]
    await asyncio.sleep(0)
    return tasks


def test_equal_requests_that_wait_share_the_next_read_and_not_the_one_under_way(reading: Reading) -> None:
    reads = SharedReads("test", reading)

    async def run() -> list[str]:
        with reads._turn:  # noqa: SLF001  the next read waits for its turn
            waiting = await ask(reads, "a", "a", "b", "a")
        first = await begun(reads, reading, "c")
        reading.gate.set()
        return list(await asyncio.gather(*waiting, first))

    assert asyncio.run(run()) == ["a 1", "a 1", "b 1", "a 1", "c 1"]
    assert sorted(reading.calls) == ["a", "b", "c"]


def test_a_request_that_comes_after_the_beginning_gets_a_read_of_its_own(reading: Reading) -> None:
    reads = SharedReads("test", reading)

    async def run() -> list[str]:
        first = await begun(reads, reading, "a")
        later = await ask(reads, "a", "a")
        reading.gate.set()
        return list(await asyncio.gather(first, *later))

    assert asyncio.run(run()) == ["a 1", "a 2", "a 2"]
    assert reading.calls == ["a", "a"]


def test_an_error_reaches_each_request_and_a_client_that_has_gone_costs_no_other_its_result(
    reading: Reading,
) -> None:
    reads = SharedReads("test", reading)
    reading.gate.set()

    async def run() -> list[object]:
        with reads._turn:  # noqa: SLF001
            gone, *waiting = await ask(reads, "a", "a", "bad", "bad")
            gone.cancel()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    assert [str(each) for each in asyncio.run(run())] == ["a 1", "a bad key", "a bad key"]
