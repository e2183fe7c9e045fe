"""The rows of groups: claimed together, ended together, each as if it had come alone."""

import threading
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, update

from gateway.db import db_now, session_scope
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.transfers import groups
from gateway.transfers import lifecycle as transfers
from gateway.work import claims
from gateway.work.claims import Claim
from gateway.work.overdue import take_overdue
from tests.rows import new_transfer, told, transfer
from tests.turns import serve

WORKER = "w1"
pytestmark = pytest.mark.usefixtures("database", "slots")
BOOKKEEPING = {"id", "path", "object", "created_at", "queued_at", "updated_at", "ended_at", "worker"}


@pytest.fixture
def slots(database: Engine) -> None:
    """Let every new row be published at once."""
    assert database
    serve(20)


def shown(row: Transfer) -> dict[str, object]:
    """Return the columns in which two transfers that went the same way are alike."""
    columns = (column.name for column in Transfer.__table__.columns)
    return {name: getattr(row, name) for name in columns if name not in BOOKKEEPING}


def take(*row_ids: UUID, worker: str = WORKER) -> list[Claim]:
    with session_scope() as session:
        return [claim for claim, _ in groups.claim_group(session, row_ids, worker)]


def test_a_row_looks_as_if_it_had_come_alone() -> None:
    alone, one, other = (new_transfer() for _ in range(3))
    with session_scope() as session:
        claim = claims.take_transfer(session, alone, WORKER)
    assert claim
    taken = take(one, other)
    assert taken == [Claim(one, 1, 1, repeated=False), Claim(other, 1, 1, repeated=False)]
    differs = dict.fromkeys(["lease_until", "next_send_at", "credentials", "message_id"])
    assert shown(transfer(one)) | differs == shown(transfer(alone)) | differs
    assert transfer(one).lease_until is not None
    assert transfer(one).next_send_at is not None
    with session_scope() as session:
        transfers.complete(session, claim, 3)
    with session_scope() as session:
        assert groups.complete_group(session, dict.fromkeys(taken, 3)) == set()
    assert shown(transfer(one)) == shown(transfer(other)) == shown(transfer(alone))
    assert told(one) == told(other) == told(alone)
    assert transfer(one).ended_at == transfer(one).updated_at


def test_of_many_workers_with_the_same_message_each_row_has_one() -> None:
    row_ids = [new_transfer() for _ in range(20)]
    taken: list[Claim] = []
    workers = [
        threading.Thread(target=lambda name: taken.extend(take(*row_ids, worker=name)), args=[f"w{n}"])
        for n in range(6)
    ]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert sorted(claim.id for claim in taken) == sorted(row_ids)
    assert {claim.number for claim in taken} == {1}


def test_what_has_been_begun_ended_cancelled_or_never_was_is_not_taken() -> None:
    held, dead, cancelled, done, waiting = (new_transfer() for _ in range(5))
    take(held)
    take(dead)
    [claim] = take(done)
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id == dead).values(lease_until=db_now(-1)))
        transfers.cancel(session, session.get_one(Transfer, cancelled))
        transfers.complete(session, claim, 3)
        row = session.get_one(Transfer, waiting)
        row.state, row.retry_at = TransferState.RETRYING, None
    before = [transfer(each) for each in (held, dead, cancelled, done, waiting)]
    assert take(held, dead, cancelled, done, waiting, uuid4()) == []
    after = [transfer(each) for each in (held, dead, cancelled, done, waiting)]
    assert [shown(row) for row in before] == [shown(row) for row in after]


def test_the_row_of_a_dead_worker_is_sent_by_itself() -> None:
    row_ids = [new_transfer() for _ in range(3)]
    take(*row_ids)
    with session_scope() as session:
        session.execute(update(Transfer).values(lease_until=db_now(-1), next_send_at=db_now(-1)))
    with session_scope() as session:
        sent = take_overdue(session, 10)
    assert sorted(message.id for message in sent) == sorted(row_ids)
    assert {message.others for message in sent} == {()}


def test_who_has_lost_its_claim_completes_nothing() -> None:
    row_id = new_transfer()
    [first] = take(row_id)
    with session_scope() as session:
        session.execute(update(Transfer).values(lease_until=db_now(-1)))
    with session_scope() as session:
        second = claims.take_transfer(session, row_id, "w2")
    with session_scope() as session:
        assert groups.complete_group(session, {first: 3}) == set()
    assert (transfer(row_id).state, transfer(row_id).claim) == (TransferState.TRANSFERRING, 2)
    with session_scope() as session:
        assert second
        assert groups.complete_group(session, {second: 3}) == set()
    assert transfer(row_id).state is TransferState.COMPLETED
