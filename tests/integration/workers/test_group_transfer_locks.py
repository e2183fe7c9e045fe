"""Group transfers and the locks of their rows: no end of a row waits for another."""

import io
import json
import logging
import threading
import time

import pytest
from sqlalchemy.orm import Session

from gateway.db import get_engine, make_engine, session_scope
from gateway.errors import StorageUnavailable
from gateway.logs import JsonLines
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers import groups
from gateway.transfers import lifecycle as transfers
from gateway.transfers.staging.attempt import Progress
from gateway.work.claims import Claim
from gateway.work.overdue import take_overdue
from tests.rows import new_transfer, transfer
from tests.turns import serve
from workers import group_transfer
from workers.group_transfer import transfer_group
from workers.lease_keeper import RENEW_S
from workers.row_errors import SomeFailed

WORKER = "w1"


pytestmark = pytest.mark.usefixtures("database")


def count(_: Transfer, __: Claim, progress: Progress) -> None:
    """Stand for the work of a transfer of three bytes."""
    progress.advance(3)


def test_one_that_waits_for_its_turn_is_cancelled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_CONNECTIONS", "1")
    get_settings.cache_clear()
    first, waiting = new_transfer(), new_transfer()
    states: list[TransferState] = []

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        with session_scope() as session:
            transfers.cancel(session, session.get_one(Transfer, waiting, with_for_update=True))
        threading.Event().wait(2.5 * RENEW_S)
        states.append(transfer(waiting).state)
        count(row, claim, progress)

    with pytest.raises(SomeFailed, match="1 of 2 failed"):
        transfer_group(WORKER, [str(first), str(waiting)], act)
    assert states == [TransferState.CANCELLED]
    assert transfer(first).state is TransferState.COMPLETED


def test_whoever_ends_the_task_waits_for_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    monkeypatch.setenv("GATEWAY_CONNECTIONS", "2")
    get_settings.cache_clear()
    row_ids = [new_transfer() for _ in range(4)]

    def act(_: Transfer, __: Claim, progress: Progress) -> None:
        for _tenth in range(100):
            threading.Event().wait(0.1)
            progress.advance(1)

    def interrupted(*_: object, **__: object) -> None:
        time.sleep(0.5)
        raise KeyboardInterrupt

    monkeypatch.setattr(group_transfer, "wait", interrupted)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        transfer_group(WORKER, [str(each) for each in row_ids], act)
    assert time.monotonic() - begun < 5
    assert {transfer(each).lease_until for each in row_ids} == {None}
    with session_scope() as session:
        assert {message.id for message in take_overdue(session, 10)} == set(row_ids)


def test_each_line_of_the_log_names_its_row() -> None:
    good, busy, odd = (new_transfer() for _ in range(3))
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logging.getLogger("workers").addHandler(handler)

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        if row.id == busy:
            raise StorageUnavailable("busy")
        if row.id == odd:
            raise ZeroDivisionError
        count(row, claim, progress)

    with pytest.raises(SomeFailed):
        transfer_group(WORKER, [str(each) for each in (good, busy, odd)], act)
    logging.getLogger("workers").removeHandler(handler)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {line["work_id"] for line in lines} == {str(busy), str(odd)}
    assert all(line["work_id"] in line["message"] for line in lines)


def test_the_keeper_and_the_recorder_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    row_ids = [new_transfer() for _ in range(32)]
    record, left = groups.complete_group, set[Claim]()

    def counted(session: Session, done: dict[Claim, int], _outcomes: object) -> set[Claim]:
        skipped = record(session, done)
        left.update(skipped)
        return skipped

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        threading.Event().wait(0.9 * RENEW_S)
        count(row, claim, progress)

    monkeypatch.setattr(groups, "complete_group", counted)
    transfer_group(WORKER, [str(each) for each in row_ids], act)
    assert left == set()


def test_few_connections_to_the_database_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_CONNECTIONS", "2")
    get_settings.cache_clear()
    other = make_engine(get_settings().database_url.get_secret_value())
    get_engine().dispose()
    get_engine.cache_clear()
    row_ids, locked = [new_transfer() for _ in range(20)], threading.Event()

    def hold() -> None:
        with Session(other) as session, session.begin():
            for each in row_ids[:2]:
                session.get_one(Transfer, each, with_for_update=True)
            locked.set()
            threading.Event().wait(4)

    def act(row: Transfer, _: Claim, __: Progress) -> None:
        if row.id == row_ids[0]:
            holder.start()
        locked.wait(5)
        if row.id not in row_ids[:2]:
            threading.Event().wait(0.2)  # the locked ones come first
        raise StorageUnavailable("busy")

    holder = threading.Thread(target=hold)
    with pytest.raises(SomeFailed, match="20 of 20"):
        transfer_group(WORKER, [str(each) for each in row_ids], act)
    holder.join()
    other.dispose()
    assert {transfer(each).state for each in row_ids} == {TransferState.RETRYING}
