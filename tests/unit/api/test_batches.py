"""Batches: one thread takes what waits, and each item gets its own result or error."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from api.batches import MOST_AT_ONCE, Batches, drain_all
from gateway.errors import Invalid, Unavailable


class Doubling:
    """A call that doubles numbers, refuses negative ones, and waits at its gate."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        self.begun.set()
        assert self.gate.wait(10)
        return [2 * each if each >= 0 else Invalid(f"{each} is negative") for each in numbers]


@pytest.fixture(autouse=True)
def drained() -> Iterator[None]:
    yield
    drain_all()


def gather(batches: Batches[int, int], numbers: Sequence[int], then: Callable[[], object]) -> list[object]:
    """Have one item taken and the others wait, then call `then`; return all results and errors."""

    async def run() -> list[object]:
        tasks = [asyncio.create_task(batches.result_of(numbers[0]))]
        await asyncio.sleep(0)
        await asyncio.to_thread(doubling_of(batches).begun.wait, 10)
        tasks += [asyncio.create_task(batches.result_of(each)) for each in numbers[1:]]
        await asyncio.sleep(0)
        then()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    return asyncio.run(run())


def doubling_of(batches: Batches[int, int]) -> Doubling:
    call = batches._run  # noqa: SLF001  the call of this test
    assert isinstance(call, Doubling)
    return call


def test_what_waits_is_taken_together_and_each_gets_its_own_result() -> None:
    call = Doubling()
    results = gather(Batches("test", call), [1, 2, -3, 4], call.gate.set)
    assert call.batches == [[1], [2, -3, 4]]
    assert [str(each) for each in results] == ["2", "4", "-3 is negative", "8"]


def test_items_that_come_in_one_turn_of_the_loop_are_taken_together() -> None:
    call = Doubling()
    call.gate.set()
    batches = Batches("test", call)

    async def run() -> list[int]:
        tasks = [asyncio.create_task(batches.result_of(each)) for each in range(5)]
        await asyncio.sleep(0)
        assert not call.begun.wait(0.2), "the batch waits for the end of the turn"
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(run()) == [0, 2, 4, 6, 8]
    assert call.batches == [[0, 1, 2, 3, 4]]


def test_a_batch_has_an_end() -> None:
    call = Doubling()
    gather(Batches("test", call), range(MOST_AT_ONCE + 11), call.gate.set)
    assert [len(each) for each in call.batches] == [1, MOST_AT_ONCE, 10]


def test_too_many_that_wait_are_refused_and_told_to_come_again() -> None:
    call = Doubling()
    *taken, refused = gather(Batches("test", call, most_waiting=2), [1, 2, 3, 4], call.gate.set)
    assert taken == [2, 4, 6]
    assert isinstance(refused, Unavailable)


def test_an_error_of_the_call_reaches_each_item() -> None:
    def fail(_numbers: Sequence[int]) -> list[int]:
        raise ValueError("all of them")

    batches = Batches[int, int]("test", fail)

    async def two() -> list[object]:
        return list(await asyncio.gather(*map(batches.result_of, (1, 2)), return_exceptions=True))

    assert [str(each) for each in asyncio.run(two())] == ["all of them"] * 2


def test_the_end_of_the_process_runs_what_waits() -> None:
    call = Doubling()

    def drain() -> None:
        call.gate.set()
        drain_all()

    assert gather(Batches("test", call), [1, 2, 3], drain) == [2, 4, 6]


def test_after_a_drain_the_next_item_is_taken() -> None:
    call = Doubling()
    call.gate.set()
    batches = Batches[int, int]("test", call)
    for number in (1, 2):
        assert asyncio.run(batches.result_of(number)) == 2 * number
        drain_all()


def test_a_client_that_has_gone_costs_no_other_its_result() -> None:
    call = Doubling()
    batches = Batches[int, int]("test", call)

    async def run() -> int:
        gone, stays = (asyncio.create_task(batches.result_of(each)) for each in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        call.gate.set()
        return await stays

    assert asyncio.run(run()) == 4
