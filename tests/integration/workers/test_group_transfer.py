"""Group transfers: several rows at once, each with its own end."""

import threading
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gateway.db import session_scope
from gateway.errors import Cancelled, StorageUnavailable
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers import groups
from gateway.transfers import lifecycle as transfers
from gateway.transfers.staging.attempt import Progress
from gateway.work.claims import Claim
from gateway.work.overdue import take_overdue
from tests.rows import new_transfer, told, transfer
from tests.turns import serve
from workers import lease_keeper
from workers.group_transfer import transfer_group
from workers.lease_keeper import RENEW_S
from workers.row_errors import SomeFailed

WORKER = "w1"


pytestmark = pytest.mark.usefixtures("database")


def count(_: Transfer, __: Claim, progress: Progress) -> None:
    """Stand for the work of a transfer of three bytes."""
    progress.advance(3)


def test_all_end_well_and_a_message_that_comes_twice_finds_nothing_to_do() -> None:
    row_ids = [str(new_transfer()) for _ in range(30)]
    transfer_group(WORKER, row_ids, count)
    transfer_group("w2", row_ids, lambda *_: pytest.fail("it is done"))
    rows = [transfer(UUID(row_id)) for row_id in row_ids]
    assert {(row.state, row.bytes_done, row.worker, row.claim) for row in rows} == {
        (TransferState.COMPLETED, 3, WORKER, 1)
    }


def test_bad_ends_are_their_own() -> None:
    good, busy, broken, odd = (new_transfer() for _ in range(4))

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        if row.id == busy:
            raise StorageUnavailable("busy")
        if row.id == broken:
            raise Cancelled("as asked")
        if row.id == odd:
            raise ZeroDivisionError
        count(row, claim, progress)

    with pytest.raises(SomeFailed, match="3 of 4 failed, one of them "):
        transfer_group(WORKER, [str(each) for each in (good, busy, broken, odd)], act)
    states = [transfer(each).state for each in (good, busy, broken, odd)]
    assert states == [
        TransferState.COMPLETED,
        TransferState.RETRYING,
        TransferState.CANCELLED,
        TransferState.FAILED,
    ]
    assert transfer(busy).next_send_at is not None
    assert "internal error (ZeroDivisionError)" in transfer(odd).reason


def test_one_that_somebody_holds_at_its_end_is_waited_for() -> None:
    row_ids = [new_transfer() for _ in range(3)]
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with session_scope() as session:
            session.scalar(select(Transfer).where(Transfer.id == row_ids[1]).with_for_update())
            holding.set()
            done.wait(0.5)

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        if row.id == row_ids[0]:
            threading.Thread(target=hold).start()
            holding.wait(5)
        count(row, claim, progress)

    transfer_group(WORKER, [str(each) for each in row_ids], act)
    done.set()
    assert {transfer(each).state for each in row_ids} == {TransferState.COMPLETED}


def test_a_cancel_meets_those_under_way_and_those_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_CONNECTIONS", "2")
    get_settings.cache_clear()
    row_ids = [new_transfer() for _ in range(4)]
    begun: list[UUID] = []

    def act(row: Transfer, _: Claim, progress: Progress) -> None:
        begun.append(row.id)
        with session_scope() as session:
            for each in row_ids[1:]:
                asked = session.get_one(Transfer, each, with_for_update=True)
                if asked.cancel_requested_at is None:
                    transfers.cancel(session, asked)
        if row.id == row_ids[0]:
            progress.advance(3)
            return
        heard = threading.Event()
        while not heard.wait(0.01):
            progress.advance(0)

    with pytest.raises(SomeFailed, match="3 of 4"):
        transfer_group(WORKER, [str(each) for each in row_ids], act)
    states = [transfer(each).state for each in row_ids]
    assert states == [TransferState.COMPLETED, *[TransferState.CANCELLED] * 3]
    assert row_ids[3] not in begun


def test_a_stopped_worker_hands_back_what_it_has_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    row_ids = [new_transfer() for _ in range(3)]
    monkeypatch.setattr(lease_keeper, "is_stopping", lambda: True)

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        if row.id != row_ids[0]:
            heard = threading.Event()
            while not heard.wait(0.01):
                progress.advance(0)
        count(row, claim, progress)

    transfer_group(WORKER, [str(each) for each in row_ids], act)
    assert transfer(row_ids[0]).state is TransferState.COMPLETED
    for row in map(transfer, row_ids[1:]):
        assert (row.state, row.lease_until) == (TransferState.TRANSFERRING, None)
    with session_scope() as session:
        assert {message.id for message in take_overdue(session, 10)} == set(row_ids[1:])


def test_leases_are_renewed_of_those_that_have_not_ended() -> None:
    short, long = new_transfer(), new_transfer()
    leases: list[object] = []

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        if row.id == long:
            leases.append(transfer(long).lease_until)
            threading.Event().wait(2.5 * RENEW_S)
            leases.append(transfer(long).lease_until)
            assert transfer(short).state is TransferState.COMPLETED  # long before its group
        count(row, claim, progress)

    transfer_group(WORKER, [str(short), str(long)], act)
    assert transfer(long).state is TransferState.COMPLETED
    assert leases[0] < leases[1]  # type: ignore[operator]


def test_cancels_of_all_and_ends_of_some_never_wait_for_each_other() -> None:
    parent = uuid4()
    row_ids = [new_transfer() for _ in range(40)]
    with session_scope() as session:
        session.execute(update(Transfer).values(parent_id=parent))
    failed: list[BaseException] = []

    def cancel() -> None:
        try:
            for _ in range(20):
                with session_scope() as session:
                    for each in reversed(row_ids):
                        session.get_one(Transfer, each, with_for_update=True)
        except BaseException as error:  # noqa: BLE001  shown by the assertion
            failed.append(error)

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        if row.id == row_ids[0]:
            canceller.start()
        count(row, claim, progress)

    canceller = threading.Thread(target=cancel)
    transfer_group(WORKER, [str(each) for each in row_ids], act)
    canceller.join()
    assert failed == []
    assert {transfer(each).state for each in row_ids} == {TransferState.COMPLETED}


@pytest.mark.parametrize("committed", [False, True])
def test_a_database_that_is_away_for_a_moment_costs_no_row(
    monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    row_ids = [new_transfer() for _ in range(20)]
    record, tries = groups.complete_group, 0

    def away_once(session: Session, done: dict[Claim, int], _outcomes: object) -> set[Claim]:
        nonlocal tries
        tries += 1
        if tries > 1:
            return record(session, done)
        if committed:
            record(session, done)
            session.commit()
        raise OperationalError("COMMIT", {}, RuntimeError("the connection is lost"))

    def act(row: Transfer, claim: Claim, progress: Progress) -> None:
        threading.Event().wait(0.4)
        count(row, claim, progress)

    monkeypatch.setattr(groups, "complete_group", away_once)
    transfer_group(WORKER, [str(each) for each in row_ids], act)
    assert {transfer(each).state for each in row_ids} == {TransferState.COMPLETED}
    assert {len(told(each)) for each in row_ids} == {3}
