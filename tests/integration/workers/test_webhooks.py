"""The process that delivers webhooks: hung receivers, kills, a second process, an absent database."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gateway.callers import Caller, Scope
from gateway.events.webhooks.filling import fill_deliveries
from gateway.settings import get_settings
from tests.identity import new_key
from tests.polling import until
from tests.receivers import Receiver, hang, receiver, status
from tests.rows import new_job
from tests.webhooks import new_webhook, rows
from workers import webhook_lanes, webhooks
from workers.webhooks import WebhookSender

COMMAND = [str(Path(sys.executable).with_name("hpc-gateway")), "worker", "--webhooks"]


@pytest.fixture(autouse=True)
def _loopback(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WEBHOOK_HOSTS", "127.0.0.1 localhost")
    get_settings.cache_clear()


@contextmanager
def delivering(holder: str = "") -> Iterator[WebhookSender]:
    """Deliver in a thread of this process."""
    made, started = list[WebhookSender](), threading.Event()

    async def run() -> None:
        sender = WebhookSender()
        sender._holder += holder  # noqa: SLF001  two of one process
        made.append(sender)
        loops.append(asyncio.get_running_loop())
        started.set()
        await sender.run()

    loops = list[asyncio.AbstractEventLoop]()
    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(30)
    try:
        yield made[0]
    finally:
        loops[0].call_soon_threadsafe(made[0].stop)
        thread.join()


def _owned(owner: str, url: str) -> UUID:
    return new_webhook(url=url, caller=Caller(owner, Scope.USER, new_key(owner)[4:20]))[0]


def test_an_event_reaches_its_receiver() -> None:
    with receiver() as there, delivering():
        webhook_id, _ = new_webhook(url=there.url)
        row_id = new_job("fft")
        taken = there.queue.get(timeout=60)
        assert str(row_id).encode() in taken.body
        until("it is recorded", lambda: [row.state for row in rows(webhook_id)] == ["delivered"])


def test_events_from_before_the_process_are_delivered_when_it_starts() -> None:
    with receiver() as there:
        new_webhook(url=there.url)
        row_ids = [new_job("fft") for _ in range(3)]
        with delivering():
            bodies = b"".join(there.queue.get(timeout=60).body for _ in row_ids)
    assert all(str(row_id).encode() in bodies for row_id in row_ids)


def test_receivers_that_hang_delay_no_other_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them has its places, and together they do not fill the process."""
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    with ExitStack() as stack:
        hung = [stack.enter_context(receiver(hang)) for _ in range(3)]
        good = stack.enter_context(receiver())
        for number, each in enumerate(hung):
            for _ in range(3):
                _owned(f"hung{number}", each.url)
        _owned("ada", good.url)
        stack.enter_context(delivering())
        for number in range(len(hung)):
            for _ in range(6):
                new_job("fft", owner=f"hung{number}")
        until("all of them hang", lambda: all(each.taken for each in hung))
        row_ids = [new_job("fft", owner="ada") for _ in range(4)]
        bodies = b"".join(good.queue.get(timeout=60).body for _ in row_ids)
        assert all(str(row_id).encode() in bodies for row_id in row_ids)
        assert not any(each.released.is_set() for each in hung)
        assert all(len(each.taken) <= webhook_lanes.MOST_OF_OWNER for each in hung)
        for each in hung:
            each.released.set()


def test_a_receiver_that_failed_is_tried_again_with_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.events.webhooks.outcomes.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(webhooks, "LOOK_S", 0.05)
    answers = [status(500), status(302, Location="http://127.0.0.1:1/"), status(204)]

    def answer(there: Receiver, request: Any) -> None:
        answers[len(there.taken) - 1](there, request)

    with receiver(answer) as there, delivering():
        webhook_id, _ = new_webhook(url=there.url)
        new_job("fft")
        until("it is delivered", lambda: [row.state for row in rows(webhook_id)] == ["delivered"])
    assert len({(each.headers["webhook-id"], each.body) for each in there.taken}) == 1
    assert len(there.taken) == 3


def test_one_process_delivers_and_the_other_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "RENEW_S", 0.05)
    with receiver() as there:
        webhook_id, _ = new_webhook(url=there.url)
        with delivering(".second"):
            with delivering(".first"):
                row_ids = [new_job("fft") for _ in range(3)]
                until("all are delivered", lambda: len(there.taken) == 3)
            row_ids.append(new_job("fft"))
            until("the other delivers", lambda: len(there.taken) == 4)
        assert [row.row_id for row in rows(webhook_id)] == row_ids
    assert len({each.headers["webhook-id"] for each in there.taken}) == 4


def test_a_database_that_was_away_loses_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter(range(3))

    def failing(session: Session) -> bool:
        if next(failures, None) is not None:
            raise OperationalError("fill", {}, Exception("away"))
        return fill_deliveries(session)

    monkeypatch.setattr(webhooks, "fill_deliveries", failing)
    with receiver() as there, delivering():
        new_webhook(url=there.url)
        row_id = new_job("fft")
        assert str(row_id).encode() in there.queue.get(timeout=60).body


def _started(**env: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        COMMAND, env=os.environ | env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_kill_between_sending_and_recording_doubles_the_message_and_not_its_id() -> None:
    """The receiver takes each message, and the process dies before it hears the answer."""
    with receiver(hang) as there:
        webhook_id, _ = new_webhook(url=there.url)
        row_ids = [new_job("fft") for _ in range(2)]
        process = _started()
        until("both are sent", lambda: len(there.taken) == 2)
        children = psutil.Process(process.pid).children(recursive=True)
        for pid in [*(child.pid for child in children), process.pid]:
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        assert {row.state for row in rows(webhook_id)} == {"pending"}
        there.answer = status(204)
        there.released.set()
        again = _started()
        until("all are delivered", lambda: {row.state for row in rows(webhook_id)} == {"delivered"})
        again.terminate()
        assert again.communicate(timeout=60)
    assert again.returncode == 0
    assert len(there.taken) == 4
    assert len({each.headers["webhook-id"] for each in there.taken}) == len(row_ids)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_where_webhooks_are_switched_off_the_process_stays_and_delivers_nothing() -> None:
    with receiver() as there:
        new_webhook(url=there.url)
        process = _started(GATEWAY_WEBHOOKS="false")
        assert process.stderr is not None
        assert any(b"switched off" in line for line in process.stderr)
        new_job("fft")
        process.terminate()
        assert process.communicate(timeout=60)
    assert (process.returncode, there.taken) == (0, [])
