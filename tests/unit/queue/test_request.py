"""A request in a worker's main process: a lack of memory fails the task in words, another loss stays one."""

from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery.worker.request import Request

from gateway.queue import request as module
from gateway.queue.oom_kills import OomKills
from gateway.queue.request import GatewayRequest
from gateway.work.lack_of_memory import OutOfMemory

KILLED = WorkerLostError("Worker exited prematurely: signal 9 (SIGKILL) Job: 3.")
ENDED = WorkerLostError("Worker exited prematurely: exitcode 1 Job: 3.")


def info(error: Exception) -> ExceptionInfo:
    try:
        raise error
    except type(error):
        return ExceptionInfo()


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The kernel's count, as the last item."""
    counts = [4]
    monkeypatch.setattr(module, "count_oom_kills", lambda: counts[-1])
    monkeypatch.setattr(module, "_kills", OomKills())
    monkeypatch.setattr("gateway.queue.oom_kills.count_oom_kills", lambda: counts[-1])
    return counts


def failed_with(monkeypatch: pytest.MonkeyPatch, error: Exception, kills: list[int], rows: int = 1) -> Any:
    """Return the error that Celery sees for a task of which a process ended with an error."""
    seen: list[ExceptionInfo] = []
    monkeypatch.setattr(Request, "on_accepted", lambda *_: None)
    monkeypatch.setattr(Request, "on_failure", lambda _self, exc_info, *_: seen.append(exc_info))
    monkeypatch.setattr(GatewayRequest, "_note_kill", lambda _self: bool(rows))
    request = GatewayRequest.__new__(GatewayRequest)
    request.id = "1f"
    request.on_accepted(7, 0.0)
    kills.append(kills[-1] + 1)
    request.on_failure(info(error))
    found = seen[0].exception
    return getattr(found, "exc", found)


@pytest.mark.parametrize("error", [MemoryError(), KILLED])
def test_a_lack_of_memory_is_a_failure_in_words(
    monkeypatch: pytest.MonkeyPatch, kills: list[int], error: Exception
) -> None:
    assert isinstance(failed_with(monkeypatch, error, kills), OutOfMemory)


@pytest.mark.parametrize(("error", "rows"), [(ENDED, 1), (KILLED, 0), (ValueError("no"), 1)])
def test_another_end_stays_what_it_is(
    monkeypatch: pytest.MonkeyPatch, kills: list[int], error: Exception, rows: int
) -> None:
    assert failed_with(monkeypatch, error, kills, rows) is error


def test_a_process_killed_by_hand_stays_a_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = [4]
    monkeypatch.setattr(module, "_kills", OomKills())
    monkeypatch.setattr("gateway.queue.oom_kills.count_oom_kills", lambda: quiet[0])
    monkeypatch.setattr(module, "count_oom_kills", lambda: quiet[0])
    assert failed_with(monkeypatch, KILLED, [4]) is KILLED
