"""Requests for logs: each caller has a few at once, so that no owner's fill threads and worker."""

import threading
from contextlib import ExitStack
from uuid import uuid4

import pytest

from gateway.errors import TooMany, Unavailable
from gateway.jobs.logs import LogChunk, LogRange, request_log
from gateway.models import Job
from gateway.queue import ask_worker, waiting_requests
from gateway.queue.waiting_requests import MOST_AT_ONCE

JOB = Job(id=uuid4(), infrastructure="hpc")
START = LogRange("stdout", 0, None)
REPLY = {"stream": "stdout", "text": "", "offset": 0, "next_offset": 0, "size": 0}


class Worker:
    """A worker that replies when it is told to."""

    def __init__(self) -> None:
        self.asked, self.replies = threading.Semaphore(0), threading.Event()

    def request(self, *_: object, **__: object) -> dict[str, object]:
        self.asked.release()
        assert self.replies.wait(60)
        return REPLY


def test_a_caller_has_a_few_requests_at_once_and_others_have_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, answers = Worker(), list[LogChunk]()
    monkeypatch.setattr(ask_worker, "request", worker.request)
    ask = [threading.Thread(target=lambda: answers.append(request_log(JOB, START, "ada"))) for _ in range(8)]
    for thread in ask:
        thread.start()
        worker.asked.acquire()
    with pytest.raises(TooMany, match="ask again"):
        request_log(JOB, START, "ada")
    worker.replies.set()
    assert request_log(JOB, START, "bob") == LogChunk(**REPLY)  # type: ignore[arg-type]
    for thread in ask:
        thread.join()
    assert answers == [LogChunk(**REPLY)] * MOST_AT_ONCE  # type: ignore[arg-type]
    assert request_log(JOB, START, "ada")


def test_a_request_without_a_reply_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable("no worker answers")

    monkeypatch.setattr(ask_worker, "request", away)
    for _ in range(2 * MOST_AT_ONCE):
        with pytest.raises(Unavailable):
            request_log(JOB, START, "ada")


def test_large_requests_of_a_caller_reach_the_worker_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker reads logs of others in between."""
    monkeypatch.setattr(waiting_requests, "PLACE_S", 0)
    with ExitStack() as held:
        for _ in range(waiting_requests.MOST_LARGE):
            held.enter_context(waiting_requests.one_large("ada", "previews"))
        with pytest.raises(TooMany, match="ask again"):
            held.enter_context(waiting_requests.one_large("ada", "previews"))
        held.enter_context(waiting_requests.one_large("bob", "previews"))
    with waiting_requests.one_large("ada", "previews"):
        pass
