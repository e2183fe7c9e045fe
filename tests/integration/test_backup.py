"""Backup and restore as docs/database.md describes them, tried on rows in the middle of their work."""

import sqlite3
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, make_url, select

from gateway.credentials.sealing import unseal
from gateway.db import get_engine, session_scope
from gateway.models import Event, Job, Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers.lifecycle import complete
from gateway.work.claims import take_transfer
from gateway.work.overdue import take_overdue
from gateway.work.transitions import events
from migrations import upgrade
from tests.postgres import create_database, program
from tests.rows import KEYS, job, new_job, new_transfer, transfer
from tests.turns import serve


def _back_up(url: str, folder: Path) -> Path:
    copy = folder / "backup"
    if make_url(url).get_backend_name() == "sqlite":
        with sqlite3.connect(str(make_url(url).database)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
    else:
        program("pg_dump", "--format=custom", f"--file={copy}", url.replace("+psycopg", ""))
    return copy


def _restore(url: str, copy: Path, folder: Path) -> str:
    """Make a database of the copy, and return its URL."""
    if make_url(url).get_backend_name() == "sqlite":
        copy.rename(folder / "restored.db")
        return f"sqlite:///{folder / 'restored.db'}"
    fresh = create_database(url, f"restored_{uuid4().hex}")
    program("pg_restore", "--exit-on-error", f"--dbname={fresh.replace('+psycopg', '')}", str(copy))
    return fresh


def _counts() -> list[int | None]:
    with session_scope(read_only=True) as session:
        return [session.scalar(select(func.count()).select_from(table)) for table in (Transfer, Job, Event)]


def _begun() -> UUID:
    row_id = new_transfer()
    with session_scope() as session:
        assert take_transfer(session, row_id, "w1")
    return row_id


def test_what_was_backed_up_is_there_again_and_work_goes_on(
    database: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    waiting, begun, computed = new_transfer(), _begun(), new_job("fft")
    before = _counts()
    copy = _back_up(database_url, tmp_path)
    with session_scope() as session:  # what happens after the backup is not in it
        claim = take_transfer(session, waiting, "w1")
        assert claim
        complete(session, claim, 7)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", _restore(database_url, copy, tmp_path))
    get_settings.cache_clear()
    database.dispose()
    get_engine.cache_clear()
    upgrade(get_engine())
    assert _counts() == before
    assert (transfer(waiting).state, transfer(begun).state) == (
        TransferState.ACCEPTED,
        TransferState.TRANSFERRING,
    )
    assert unseal(transfer(waiting).credentials or "") == KEYS
    assert job(computed).params["read_input_data"] == "/x.csv"
    with session_scope() as session:
        assert [event.to_state for event in events(session, session.get_one(Transfer, begun))] == [
            "accepted",
            "transferring",
        ]
        for row in (*session.scalars(select(Transfer)), *session.scalars(select(Job))):
            row.next_send_at = row.created_at  # as some time later
            row.lease_until = row.lease_until and row.created_at
    with session_scope() as session:
        assert {message.id for message in take_overdue(session, 10)} == {waiting, begun, computed}
    new_job("fft")  # numbers go on where they were
