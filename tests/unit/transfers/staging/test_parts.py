"""PartRunner against stores that throttle and parts that fail: pauses, order, and the end of an attempt."""

import threading
import time
from collections.abc import Callable

import pytest

from gateway.errors import StorageBusy, StorageSlow, StorageUnavailable
from gateway.transfers.staging import parts
from gateway.transfers.staging.part_queue import Part, PartQueue
from gateway.transfers.staging.parts import PartRunner

BYTES = 100


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FIRST_PAUSE_S", 0.01)


def _parts(count: int) -> PartQueue:
    return PartQueue(count * BYTES, BYTES)


def _run(parts: PartQueue, work: parts.Work, size: int = 8) -> None:
    PartRunner(parts, size, work, lambda: None).run(lambda: None)


class Throttling:
    """Serves two at once, and tells all others that it is busy."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(2)
        self.refused: list[float] = []

    def __call__(self, part: Part, check: Callable[[], None]) -> None:
        if not self._free.acquire(blocking=False):
            self.refused.append(time.monotonic())
            raise StorageBusy("slow down")
        try:
            time.sleep(0.05)
            check()
            part.done = BYTES
        finally:
            self._free.release()


def test_a_throttling_store_is_asked_by_fewer_and_the_transfer_ends_well() -> None:
    parts, store, begun = _parts(60), Throttling(), time.monotonic()
    _run(parts, store)
    assert parts.left == 0
    late = [moment for moment in store.refused if moment > begun + 0.3]
    assert len(store.refused) - len(late) < 20
    assert len(late) < 60  # one more is tried for each part that was served


def test_who_is_not_allowed_to_ask_does_not_hold_a_part_back() -> None:
    asked: list[int] = []

    def work(part: Part, _: Callable[[], None]) -> None:
        asked.append(part.number)
        if len(asked) <= 8:
            time.sleep(0.05)  # until all eight have asked
            raise StorageBusy("slow down")
        part.done = BYTES

    _run(parts := _parts(8), work)
    assert parts.left == 0
    assert len(asked) == 16


def test_a_part_that_fails_while_others_come_further_does_not_end_the_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "FIRST_PAUSE_S", 0.002)
    fails = [0]

    def work(part: Part, _: Callable[[], None]) -> None:
        if part.number == 1 and fails[0] < 7:
            fails[0] += 1
            raise StorageUnavailable("not this one")
        time.sleep(0.02)
        part.done = BYTES

    _run(_parts(40), work, size=2)
    assert fails == [7]


@pytest.mark.parametrize("error", [StorageBusy, StorageUnavailable])
def test_a_try_ends_when_nothing_moves_any_more(error: type[StorageUnavailable]) -> None:
    asked: list[int] = []

    def work(part: Part, _: Callable[[], None]) -> None:
        asked.append(part.number)
        raise error("never")

    with pytest.raises(error, match="never"):
        _run(_parts(40), work)
    assert len(asked) < 8 * parts.TRIES


def test_a_slow_server_ends_the_try_at_once() -> None:
    asked: list[int] = []

    def work(part: Part, _: Callable[[], None]) -> None:
        asked.append(part.number)
        part.done += 1
        raise StorageSlow("a byte a second")

    with pytest.raises(StorageSlow, match="a byte a second"):
        PartRunner(_parts(1), 1, work, lambda: None, least_bytes=BYTES).run(lambda: None)
    assert asked == [1]


def test_a_slow_connection_is_replaced_while_others_move() -> None:
    slow = iter(range(3))
    first_is_slow = threading.Event()

    def work(part: Part, _: Callable[[], None]) -> None:
        if part.number == 1 and next(slow, None) is not None:
            first_is_slow.wait(5)
            first_is_slow.clear()
            raise StorageSlow("only this one")
        part.done = BYTES
        first_is_slow.set()
        time.sleep(0.02)

    parts = _parts(60)
    PartRunner(parts, 2, work, lambda: None, least_bytes=BYTES).run(lambda: None)
    assert parts.left == 0


def test_a_connection_that_breaks_after_each_byte_ends_the_try() -> None:
    asked: list[int] = []

    def work(part: Part, _: Callable[[], None]) -> None:
        asked.append(part.number)
        part.done += 1
        raise StorageUnavailable("broke")

    with pytest.raises(StorageUnavailable, match="broke"):
        PartRunner(_parts(1), 1, work, lambda: None, least_bytes=BYTES).run(lambda: None)
    assert len(asked) == parts.TRIES
