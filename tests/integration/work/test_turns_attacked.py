"""Turns under attack: endless rows, clean-ups beside the turns, messages that spin, are lost or wait."""

from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import db_now, session_scope
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers import groups
from gateway.transfers import lifecycle as transfers
from gateway.work import failures, turns
from gateway.work.claims import Claim, lock_claimed
from gateway.work.outbox import Message
from gateway.work.overdue import take_overdue
from gateway.work.yielding import has_to_yield
from tests.rows import KEYS, create, new_job, new_transfer, sending, transfer
from tests.turns import SLOTS, change, end, ids, is_waiting, make_due, serve, sweep, take
from workers import next_turn

pytestmark = pytest.mark.usefixtures("database")


def new_group(count: int = 3) -> tuple[UUID, list[UUID]]:
    """Make a parent and small children, published in one message."""
    parent = new_transfer(owner="a")
    children = [new_transfer(owner="a") for _ in range(count)]
    change(parent, state=TransferState.TRANSFERRING, children={"accepted": count}, next_send_at=None)
    change(parent, message_id=None, turn_at=None)
    change(*children, parent_id=parent, bytes_total=1, message_id=children[0], turn_at=None)
    change(*children, next_send_at=db_now(60))
    return parent, children


def claim_group(row_ids: list[UUID]) -> list[Claim]:
    with session_scope() as session:
        return [claim for claim, _ in groups.claim_group(session, row_ids, "w")]


def hand_back(claim: Claim) -> None:
    with session_scope() as session:
        failures.hand_back(session, lock_claimed(session, Transfer, claim), "another's turn")


def cancel(row_id: UUID) -> None:
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, row_id, with_for_update=True))


def states(row_ids: list[UUID]) -> set[TransferState]:
    return {transfer(row_id).state for row_id in row_ids}


def handed_back_group() -> tuple[UUID, list[UUID]]:
    serve()
    parent, children = new_group()
    for claim in claim_group(children):
        hand_back(claim)
    assert [set(ids([message])) for message in sweep()] == [set(children)]
    return parent, children


def test_a_group_that_was_handed_back_and_published_is_cancelled_at_once() -> None:
    parent, children = handed_back_group()
    cancel(parent)
    assert states(children) == {TransferState.CANCELLED}


def test_rows_of_a_group_with_a_cancel_request_are_sent_alone_and_end() -> None:
    _, children = handed_back_group()
    change(*children[:2], cancel_requested_at=db_now())
    make_due()
    sent = sweep()
    assert {message.others for message in sent} == {()}
    assert claim_group(children) != []
    for row in children[:2]:
        assert take(row) is None
    assert states(children[:2]) == {TransferState.CANCELLED}


def test_a_row_with_a_cancel_request_that_its_worker_hands_back_ends() -> None:
    serve()
    _, children = new_group()
    claimed = claim_group(children)
    change(*children, cancel_requested_at=db_now())
    for claim in claimed:
        hand_back(claim)
    assert states(children) == {TransferState.CANCELLED}
    assert [message.task for message in sweep()] == ["transfers.clean"] * len(children)


def test_a_listing_is_not_handed_back_and_leaves_a_slot() -> None:
    serve()
    listings = [new_listing() for _ in range(SLOTS)]
    held = [take(row) for row in listings]
    assert [claim is not None for claim in held] == [True] * (SLOTS - 1) + [False]
    files = [take(new_transfer(owner="a"))]
    new_transfer(owner="b")
    with session_scope(read_only=True) as session:
        yields = [has_to_yield(session, claim.id) for claim in (*held, *files) if claim]
    assert yields == [False] * (SLOTS - 1) + [True]


def fixed(owner: str, count: int) -> list[Claim]:
    """Claim transfers of the owner that cannot resume."""
    held = [claim for claim in (take(new_transfer(owner=owner)) for _ in range(count)) if claim]
    change(*(claim.id for claim in held), resumable=False)
    assert len(held) == count
    return held


def yielding(held: list[Claim]) -> list[bool]:
    with session_scope(read_only=True) as session:
        return [has_to_yield(session, claim.id) for claim in held]


def test_owners_that_hold_all_slots_with_work_that_cannot_resume_leave_one_to_an_owner_without() -> None:
    serve()
    held = [*fixed("a", SLOTS - 1), *fixed("b", 1)]
    for number, claim in enumerate(held):
        change(claim.id, bytes_done=100 - number)
    assert yielding(held) == [False] * SLOTS
    rows = [new_transfer(owner="c") for _ in range(2)]
    assert yielding(held) == [False] * (SLOTS - 2) + [True, False], "the one that has moved the least"
    hand_back(held[-2])
    assert take(rows[0])
    assert yielding([*held[:-2], held[-1]]) == [False] * (SLOTS - 1), "c has a slot"


def test_no_owner_loses_its_only_work_that_cannot_resume() -> None:
    serve()
    held = [claim for owner in "abcd" for claim in fixed(owner, 1)]
    new_transfer(owner="e")
    assert yielding(held) == [False] * SLOTS


def new_listing() -> UUID:
    with session_scope() as session:
        request = transfers.S3Request(
            "s3_data", "hpc", "https://s3.example.org", "b", "p/", "local", KEYS, "p"
        )
        return create(session, transfers.draft(session, "a", request))


@pytest.mark.parametrize("model", [Transfer, Job])
def test_a_sweep_takes_as_many_rows_of_each_owner(model: turns.Model) -> None:
    def make(owner: str) -> UUID:
        return new_transfer(owner=owner) if model is Transfer else new_job(owner=owner)

    rows = [make("a") for _ in range(20)] + [make("b") for _ in range(2)]
    with session_scope() as session:
        waits = {"message_id": None, "turn_at": None}
        session.execute(update(model).values(next_send_at=db_now(-60), **waits))
        session.execute(update(model).where(model.owner == "b").values(next_send_at=db_now(-1)))
    serve()
    with session_scope() as session:
        sent = take_overdue(session, 4)
    assert set(rows[-2:]) <= set(ids(sent))
    assert len(ids(sent)) == 4


def test_lost_messages_are_found_soon_where_a_slot_is_idle() -> None:
    serve()
    rows = [new_transfer() for _ in range(2 * SLOTS)]
    held = [take(row) for row in rows[:SLOTS]]
    first = get_settings().send_again_s
    change(*rows[SLOTS:], sends=6, next_send_at=db_now(300 - first - 1))
    assert sweep() == [], "all slots are busy: they may be in the queue still"
    end(held[0])
    assert set(ids(sweep())) == set(rows[SLOTS:])
    change(*rows[SLOTS:], sends=6, next_send_at=db_now(300 - first + 5))
    assert sweep() == [], "they have just been sent"
    change(*rows[SLOTS:], sends=1, next_send_at=db_now(1))
    assert sweep() == []
    change(*rows[SLOTS:], sends=2, next_send_at=db_now(first - 1))
    assert set(ids(sweep())) == set(rows[SLOTS:])


def publish_next(row_id: UUID) -> list[Message]:
    with sending() as sent:
        next_turn.publish_next("transfers.run", str(row_id))
    return sent


def test_work_that_cannot_resume_is_not_published_while_its_owner_holds_all_it_may() -> None:
    serve()
    held = [take(new_transfer(owner="a")) for _ in range(SLOTS - 1)]
    change(*(claim.id for claim in held if claim), resumable=False)
    fixed = [new_transfer(owner="a") for _ in range(SLOTS + 1)]
    change(*fixed, resumable=False)
    for row in fixed:
        assert take(row) is None
        assert publish_next(row) == [], "else it came and was refused without an end"
    assert sweep() == []
    other = new_transfer(owner="a")
    assert take(other), "work that can resume goes past it"
    with sending() as sent:
        end(held[0])
    assert len(sent) > 0


def test_rows_of_an_owner_with_its_share_are_not_published_again_while_another_waits() -> None:
    serve()
    rows = [new_transfer(owner="a") for _ in range(3 * SLOTS)]
    held = [take(row) for row in rows[:SLOTS]]
    other = new_transfer(owner="b")
    end(held[0])
    refused = rows[SLOTS]
    assert take(refused) is None
    assert publish_next(refused) == []
    assert is_waiting(transfer(refused))
    assert take(other)


def test_the_end_of_an_owners_last_work_publishes_the_rows_of_another() -> None:
    serve()
    rows = [new_transfer(owner="a") for _ in range(3 * SLOTS)]
    held = [take(row) for row in rows[:SLOTS]]
    other = new_transfer(owner="b")
    end(held[0])
    claim = take(other)
    assert claim
    change(*rows[SLOTS:], message_id=None, next_send_at=None, turn_at=db_now())
    with session_scope() as session:
        transfers.complete(session, claim, 1)
    assert len(publish_next(other)) > 0
