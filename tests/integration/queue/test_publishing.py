"""Messages hang on the transaction: its commit sends them, a rollback or a savepoint's rollback does not."""

import logging
import subprocess
import sys
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gateway.db import get_engine, session_scope
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.work import outbox, transitions
from gateway.work.outbox import Message, publish
from tests.bodies import DATA, JOB, RESULT
from tests.rows import new_transfer, sending, transfer

pytestmark = pytest.mark.usefixtures("database")


def message() -> Message:
    return Message("transfers.run", uuid4(), "hpc")


def test_a_commit_sends_once_all_that_its_transaction_asked_for() -> None:
    first, second = message(), message()
    calls: list[list[Message]] = []
    with sending() as sent:
        outbox.publisher = lambda messages: calls.append([*messages])
        with session_scope() as session:
            publish(session, first)
            publish(session.connection(), second)
            assert calls == []
        assert calls == [[first, second]]
        with session_scope() as session:
            session.scalar(select(Transfer))
    assert calls == [[first, second]]
    assert sent == []


def test_a_rollback_sends_nothing_and_leaves_nothing_for_the_next_transaction() -> None:
    kept = message()
    with sending() as sent:
        with suppress(ZeroDivisionError), session_scope() as session:
            publish(session, message())
            raise ZeroDivisionError
        with get_engine().connect() as connection:
            publish(connection, message())
            connection.rollback()
            publish(connection, message())
        with session_scope() as session:
            publish(session, kept)
    assert sent == [kept]


def test_what_was_committed_before_an_error_is_sent() -> None:
    kept = message()
    with sending() as sent, suppress(ZeroDivisionError), session_scope() as session:
        publish(session, kept)
        session.commit()
        raise ZeroDivisionError
    assert sent == [kept]


def test_a_savepoint_that_is_rolled_back_drops_what_was_asked_for_inside_it() -> None:
    before, kept, after = message(), message(), message()
    with sending() as sent, session_scope() as session:
        publish(session, before)
        with session.begin_nested():
            publish(session, kept)
        with suppress(ZeroDivisionError), session.begin_nested():
            publish(session, message())
            with session.begin_nested():
                publish(session, message())
            raise ZeroDivisionError
        publish(session, after)
    assert sent == [before, kept, after]


def test_two_commits_on_one_connection_send_each_their_own() -> None:
    first, second = message(), message()
    with sending() as sent, get_engine().connect() as connection:
        publish(connection, first)
        connection.commit()
        assert sent == [first]
        publish(connection, second)
        connection.commit()
        assert sent == [first, second]
        connection.begin()
        connection.commit()
    assert sent == [first, second]


def test_a_commit_that_fails_sends_nothing(database: Engine) -> None:
    kept = message()

    def fail(_connection: object) -> None:
        raise OperationalError("COMMIT", {}, RuntimeError("the connection is lost"))

    with sending() as sent:
        event.listen(database, "commit", fail)
        with pytest.raises(OperationalError), session_scope() as session:
            publish(session, message())
        event.remove(database, "commit", fail)
        with session_scope() as session:
            publish(session, kept)
    assert sent == [kept]


def test_messages_go_when_the_rows_are_visible_and_the_connection_is_free(database: Engine) -> None:
    row_id = new_transfer()
    seen: list[tuple[TransferState, int]] = []

    def look(_messages: object) -> None:
        busy = database.pool.checkedout()  # type: ignore[attr-defined]  # a pool of queues has it
        with Session(database) as other:
            seen.append((other.get_one(Transfer, row_id).state, busy))

    with sending():
        outbox.publisher = look
        with session_scope() as session:
            row = session.get_one(Transfer, row_id)
            transitions.move(session, row, TransferState.CANCELLED)
            publish(session, message())
    assert seen == [(TransferState.CANCELLED, 0)]


def test_a_process_without_the_queue_cannot_ask_for_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "publisher", outbox._no_queue)  # noqa: SLF001
    with pytest.raises(RuntimeError, match=r"gateway\.queue"):
        new_transfer()
    with session_scope(read_only=True) as session:
        assert session.scalar(select(Transfer)) is None


def test_a_queue_that_is_away_undoes_no_commit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from gateway import queue  # noqa: PLC0415  after the environment is set

    away = get_settings().model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    monkeypatch.setattr("gateway.queue.publisher.get_settings", lambda: away)
    monkeypatch.setattr(outbox, "publisher", queue.send)
    with caplog.at_level(logging.WARNING):
        row_id = new_transfer()
    assert transfer(row_id).state is TransferState.ACCEPTED
    assert "waits for the sweeper" in caplog.text


STARTS = ["api.app", "workers.app", "workers.watcher"]


@pytest.mark.parametrize("module", STARTS)
def test_each_process_that_commits_rows_has_the_queue_when_it_starts(module: str) -> None:
    look = f"import {module}; from gateway.work import outbox; print(outbox.publisher.__module__)"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "gateway.queue.publisher"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record the headers of the messages that the API sends, with their queue and arguments."""
    from gateway.queue import publisher  # noqa: PLC0415  after the environment is set

    calls: list[dict[str, Any]] = []

    class Recorder(publisher._Envelope):  # noqa: SLF001
        def write(self, sender: Any) -> str:
            calls.append({**self._headers, "queue": self._message.queue, "args": self._body[0]})
            return super().write(sender)

    monkeypatch.setattr(publisher, "_Envelope", Recorder)
    return calls


CREATED = [
    ("/s3_data", DATA, "transfers.run"),
    ("/s3_result", RESULT, "transfers.run"),
    ("/data", {"infrastructure": "hpc", "src": "https://s3.example.org/x", "dst": "x"}, "transfers.run"),
    ("/job", JOB, "jobs.submit"),
]


@pytest.mark.parametrize(("url", "body", "task"), CREATED)
def test_a_request_sends_one_message_with_the_id_of_its_row(
    api: TestClient, queued: list[dict[str, Any]], url: str, body: dict[str, Any], task: str
) -> None:
    for _ in range(2):  # the second is a repetition, and is answered without a row
        answer = api.post(url, json=body, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 201, answer.text
    row_id = answer.json()["id"]
    [sent] = queued
    queue = "hpc.short" if url == "/job" else "hpc.long"
    assert (sent["task"], sent["args"], sent["queue"]) == (task, [row_id], queue)
    assert (sent["id"], sent["argsrepr"]) == (row_id, str([row_id]))
    queued.clear()
    assert api.post(f"{url}/{row_id}/cancel").status_code == 200
    assert api.post(url, json={**body, "infrastructure": "nowhere"}).status_code == 404
    assert queued == []
    keys = {} if url in {"/job", "/data"} else {"access_key": "a", "secret_key": "s"}
    retried = api.post(f"{url}/{row_id}/retry", json=keys)
    assert retried.status_code == 200, retried.text
    [sent] = queued
    assert (sent["task"], sent["args"]) == (task, [row_id])
    assert sent["id"] != row_id
