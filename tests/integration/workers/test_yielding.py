"""Yielding: the transfer that leaves its slot to another owner, and work that cannot resume."""

from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import db_now, session_scope
from gateway.errors import HandedBack
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.transfers import groups
from gateway.transfers import lifecycle as transfers
from gateway.work import failures
from gateway.work.claims import Claim, lock_claimed
from gateway.work.yielding import has_to_yield
from tests.rows import new_transfer, sending, transfer
from tests.turns import SLOTS, end, is_waiting, serve, sweep, take
from workers import lease_keeper
from workers.claim_context import recording_failure
from workers.lease_keeper import YIELDS, LeaseKeeper
from workers.transfer_attempt import RowResume

pytestmark = pytest.mark.usefixtures("database")


def hold(count: int, owner: str = "a") -> list[Claim]:
    """Claim transfers of an owner, each faster than the one before."""
    claimed = [take(new_transfer(owner=owner)) for _ in range(count)]
    held = [claim for claim in claimed if claim is not None]
    assert len(held) == count
    for number, claim in enumerate(held):
        change(claim.id, bytes_per_s=1000 * (number + 1))
    return held


def change(row_id: UUID, **values: object) -> None:
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id == row_id).values(**values))


def yielding(held: list[Claim]) -> list[bool]:
    with session_scope(read_only=True) as session:
        return [has_to_yield(session, claim.id) for claim in held]


def test_the_slowest_leaves_its_slot_when_all_are_taken_and_another_owner_waits() -> None:
    serve()
    held = hold(SLOTS)
    assert yielding(held) == [False] * SLOTS, "nothing else waits"
    new_transfer(owner="a")
    assert yielding(held) == [False] * SLOTS, "its own work waits"
    new_transfer(owner="b")
    assert yielding(held) == [True, False, False, False]
    change(held[2].id, bytes_per_s=None)
    assert yielding(held) == [False, False, True, False]


def test_nothing_leaves_its_slot_without_a_known_worker_or_while_one_is_free() -> None:
    serve(SLOTS + 1)
    held = hold(SLOTS)
    new_transfer(owner="b")
    assert yielding(held) == [False] * SLOTS
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id == held[0].id).values(lease_until=db_now(-1)))
    assert yielding([Claim(UUID(int=0), 1, 1, repeated=False)]) == [False]


def test_an_owner_keeps_its_share() -> None:
    serve()
    mine, others = hold(2), hold(2, "b")
    new_transfer(owner="c")
    assert yielding(mine) == [False, False], "of two with as much, one gives"
    assert yielding(others) == [True, False]
    end(others[0])
    assert yielding(mine + others[1:]) == [False] * 3, "a slot is free"


def test_work_that_cannot_resume_stays_while_other_work_can() -> None:
    serve()
    held = hold(SLOTS)
    new_transfer(owner="b")
    change(held[0].id, resumable=False)
    assert yielding(held) == [False, True, False, False]
    for claim in held:
        change(claim.id, resumable=False)
    assert sum(yielding(held)) == 1, "an owner without a slot gets one"


def test_a_group_leaves_its_slot_as_one_and_comes_back_as_one() -> None:
    serve()
    rows = [new_transfer(owner="a") for _ in range(2)]
    change(rows[0], parent_id=UUID(int=1), bytes_total=1)
    change(rows[1], parent_id=UUID(int=1), bytes_total=1)
    with session_scope() as session:
        group = [claim for claim, _ in groups.claim_group(session, rows, "w")]
    held = hold(SLOTS - 1)
    new_transfer(owner="b")
    assert yielding([*group, *held]) == [True, True, False, False, False]
    for claim in group:
        with session_scope() as session:
            failures.hand_back(session, lock_claimed(session, Transfer, claim), YIELDS)
    with sending() as again:
        for claim in held[:2]:
            end(claim)
    assert [{message.id, *message.others} for message in again] == [set(rows)]
    with session_scope() as session:
        taken = [claim for claim, _ in groups.claim_group(session, rows, "w")]
    assert {(claim.id, claim.number, claim.attempt) for claim in taken} == {(row, 2, 1) for row in rows}


def test_the_keeper_stops_the_work_and_the_row_waits_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_keeper, "RENEW_S", 0.02)
    serve()
    held = hold(SLOTS)
    new_transfer(owner="b")
    with recording_failure(Transfer, held[0]), LeaseKeeper(Transfer, [held[0]]) as keeper:
        while True:
            keeper.progress_of(held[0]).advance(7)
    row = transfer(held[0].id)
    assert is_waiting(row)
    assert (row.state, row.attempt, row.failures, row.retry_at) == (TransferState.TRANSFERRING, 1, 0, None)
    assert row.bytes_done in {0, 7}
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, row.id, with_for_update=True))
    assert transfer(row.id).state is TransferState.CANCELLED, "no worker is needed for that"


def test_an_owners_work_that_cannot_resume_leaves_one_slot() -> None:
    serve()
    held = hold(SLOTS)
    for claim in held[:-1]:
        RowResume(transfer(claim.id), claim).begins_again()
    with pytest.raises(HandedBack, match="leaves one slot to others"):
        RowResume(transfer(held[-1].id), held[-1]).begins_again()
    with session_scope() as session:
        failures.hand_back(session, lock_claimed(session, Transfer, held[-1]), "it cannot resume")
    sweep()
    assert take(held[-1].id) is None
    assert is_waiting(transfer(held[-1].id))
    with sending() as sent:
        assert take(new_transfer(owner="a")), "work that can resume may have it"
        end(held[0])
    assert held[-1].id in {message.id for message in sent}
    assert take(held[-1].id)
