"""The time-outs of PostgreSQL, and the client's error when a statement reaches one."""

import threading
import time
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import OperationalError

from gateway.db import db_now, get_engine, session_scope
from gateway.models import Transfer
from gateway.operations import sweep
from gateway.settings import get_settings
from gateway.work.overdue import take_overdue
from migrations import ADVISORY_LOCK
from tests.bodies import DATA
from tests.migrating import finish, start
from tests.postgres import create_database
from tests.rows import new_transfer, sending
from tests.turns import serve


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return create_database(postgres_url, f"test_{uuid4().hex}")


@pytest.fixture(autouse=True)
def _short_times(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_LOCK_S", "0.3")
    monkeypatch.setenv("GATEWAY_DATABASE_STATEMENT_S", "0.6")
    monkeypatch.setenv("GATEWAY_DATABASE_CONNECTIONS", "2")
    get_settings.cache_clear()
    get_engine.cache_clear()


def test_no_statement_and_no_lock_is_waited_for_for_ever(database: Engine) -> None:
    shown = [("statement_timeout", "600ms"), ("lock_timeout", "300ms"), ("TimeZone", "UTC")]
    shown.append(("idle_in_transaction_session_timeout", "1min"))
    with database.connect() as connection:
        for name, value in shown:
            assert connection.scalar(text(f"SHOW {name}")) == value
        with pytest.raises(OperationalError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(5)"))


def test_a_row_that_somebody_holds_is_503_with_retry_after_and_then_works(api: TestClient) -> None:
    row_id = api.post("/s3_data", json=DATA).json()["id"]
    with session_scope() as session:
        session.scalar(select(Transfer).where(Transfer.id == UUID(row_id)).with_for_update())
        answer = api.post(f"/s3_data/{row_id}/cancel")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["content-type"] == "application/problem+json"
    assert api.post(f"/s3_data/{row_id}/cancel").status_code == 200


def test_when_all_connections_are_busy_a_request_is_503(api: TestClient) -> None:
    assert api.get("/s3_data").status_code == 200
    with get_engine().connect(), get_engine().connect():
        answer = api.post("/s3_data", json=DATA)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert api.post("/s3_data", json=DATA).status_code == 201


@pytest.mark.usefixtures("database")
def test_the_sweep_passes_by_a_row_that_somebody_holds() -> None:
    serve()
    held, free = new_transfer(), new_transfer()
    with session_scope() as session:
        session.execute(update(Transfer).values(next_send_at=db_now(-1)))
    with session_scope() as holder:
        holder.scalar(select(Transfer).where(Transfer.id == held).with_for_update())
        with sending() as sent, session_scope() as session:
            sweep.sweep(session)
        assert [message.id for message in sent] == [free]


@pytest.mark.usefixtures("database")
def test_sweeps_at_the_same_time_share_the_rows_and_take_none_twice() -> None:
    serve(12)
    rows = {new_transfer() for _ in range(12)}
    with session_scope() as session:
        session.execute(update(Transfer).values(next_send_at=db_now(-1)))
    taken: list[UUID] = []
    both = threading.Barrier(2)

    def take() -> None:
        with session_scope() as session:
            mine = [message.id for message in take_overdue(session, 6)]
            both.wait(30)  # neither has committed
            taken.extend(mine)

    sweepers = [threading.Thread(target=take) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()
    assert len(taken) == 12
    assert set(taken) == rows


@pytest.mark.usefixtures("settings")
def test_a_second_starter_waits_for_the_first_however_short_the_time_outs() -> None:
    with get_engine().begin() as first:
        first.execute(select(text(f"pg_advisory_xact_lock({ADVISORY_LOCK})")))
        second = start()
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        deadline = time.monotonic() + 60
        while not first.scalar(waits) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        assert first.scalar(waits) == 1
    assert finish([second]) == [(0, "")]
