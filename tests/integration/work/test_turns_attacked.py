"""Turns under attack: endless rows, clean-ups beside the turns, messages that spin, are lost or wait."""

import threading
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import db_now, session_scope
from gateway.errors import StorageUnavailable
from gateway.models import Job, Transfer
from gateway.operations import retries
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers import groups
from gateway.transfers import lifecycle as transfers
from gateway.work import claims, failures, turns
from gateway.work.claims import Claim, lock_claimed
from gateway.work.outbox import Message
from gateway.work.overdue import take_overdue
from gateway.work.yielding import has_to_yield
from tests.rows import KEYS, new_job, new_transfer, sending, transfer
from tests.turns import SLOTS, end, ids, is_waiting, serve, sweep, take
from workers import next_turn, removal
from workers.claim_context import recording_failure
from workers.tasks.transfers import clean

pytestmark = pytest.mark.usefixtures("database")


def change(*row_ids: UUID, **values: object) -> None:
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id.in_(row_ids)).values(**values))


def make_due() -> None:
    with session_scope() as session:
        for model in (Transfer, Job):
            session.execute(
                update(model).where(model.next_send_at.is_not(None)).values(next_send_at=db_now(-1))
            )


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


def ended_with_leftovers(owner: str) -> UUID:
    row_id = new_transfer(owner=owner)
    claim = take(row_id)
    assert claim
    with session_scope() as session:
        failures.finish_cancel(session, lock_claimed(session, Transfer, claim))
    return row_id


def lease_clean_up(row_id: UUID) -> bool:
    with session_scope() as session:
        return claims.take_leftovers(session, row_id) is not None


def test_an_owners_clean_ups_leave_one_slot() -> None:
    serve()
    rows = [ended_with_leftovers("a") for _ in range(SLOTS + 1)]
    make_due()
    sweep()
    assert [lease_clean_up(row) for row in rows] == [True] * (SLOTS - 1) + [False] * 2
    assert take(new_transfer(owner="b"))


def test_an_owner_with_clean_ups_alone_is_not_the_one_that_yields() -> None:
    serve(2 * SLOTS)
    rows = [ended_with_leftovers("a") for _ in range(SLOTS + 1)]
    make_due()
    sweep()
    assert all(map(lease_clean_up, rows))
    held = [take(new_transfer(owner="b")) for _ in range(SLOTS - 1)]
    new_transfer(owner="c")
    with session_scope(read_only=True) as session:
        assert any(has_to_yield(session, claim.id) for claim in held if claim)


def test_a_clean_up_keeps_its_lease_also_when_its_row_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    row_id = ended_with_leftovers("a")
    leased: list[bool] = []
    renewed = threading.Semaphore(0)
    renew = claims.renew_removal

    def note(session: object, row: Transfer) -> None:
        renew(session, row)  # type: ignore[arg-type]
        renewed.release()

    def retry_meanwhile(row: Transfer) -> bool:
        change(row.id, lease_until=db_now(-1))
        with session_scope() as session:
            retries.retry(session, session.get_one(Transfer, row.id), "test", secret=KEYS)
        for _ in range(2):  # the first may have come before the lease was ended
            assert renewed.acquire(timeout=60)
        leased.append(take(row.id) is None)
        return True

    monkeypatch.setenv("GATEWAY_LEASE_S", "1")
    get_settings.cache_clear()
    monkeypatch.setattr(claims, "renew_removal", note)
    monkeypatch.setattr("workers.tasks.transfers.remove_leftovers", retry_meanwhile)
    clean.apply(args=[str(row_id)], throw=True)
    assert leased == [True]
    assert take(row_id)


def test_a_clean_up_that_has_to_come_again_holds_no_slot_and_waits_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_row: Transfer) -> bool:
        raise StorageUnavailable("away")

    serve()
    row_id = ended_with_leftovers("a")
    make_due()
    sweep()
    monkeypatch.setattr("workers.tasks.transfers.remove_leftovers", refuse)
    clean.apply(args=[str(row_id)], throw=False)
    row = transfer(row_id)
    assert (row.leftovers, row.lease_until, row.message_id, row.turn_at) == (True, None, None, None)
    assert row.next_send_at is not None
    make_due()
    assert [message.id for message in sweep()] == [row_id]


def test_the_clean_up_of_a_dead_worker_is_no_owner_that_waits() -> None:
    serve()
    row_id = ended_with_leftovers("b")
    make_due()
    sweep()
    assert lease_clean_up(row_id)
    change(row_id, lease_until=db_now(-1), next_send_at=db_now(60))
    held = [take(new_transfer(owner="a")) for _ in range(SLOTS)]
    assert all(held)


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


def new_listing() -> UUID:
    with session_scope() as session:
        request = transfers.S3Request(
            "s3_data", "hpc", "https://s3.example.org", "b", "p/", "local", KEYS, "p"
        )
        return transfers.create(session, "a", request).id


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


def test_a_retry_after_the_death_of_a_clean_up_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RETRIES", "0")
    get_settings.cache_clear()
    serve()
    row_id = new_transfer(owner="a")
    claim = take(row_id)
    assert claim
    with pytest.raises(StorageUnavailable), recording_failure(Transfer, claim):
        raise StorageUnavailable("away")
    make_due()
    sweep()
    assert lease_clean_up(row_id)
    change(row_id, lease_until=db_now(-1))
    with session_scope() as session:
        retries.retry(session, session.get_one(Transfer, row_id), "test")
    assert take(row_id)
    assert transfer(row_id).state is TransferState.TRANSFERRING
    change(row_id, lease_until=db_now(-1))
    assert take(row_id) is None
    assert transfer(row_id).state is TransferState.FAILED, "a worker of the attempt itself has died"


def test_removal_without_the_database_is_left_to_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    row_id = ended_with_leftovers("a")
    with session_scope(read_only=True) as session:
        row = session.get_one(Transfer, row_id)
    monkeypatch.setattr(removal, "TRIES", 0)

    def refuse(_row: Transfer) -> bool:
        raise StorageUnavailable("away")

    assert removal.remove_files(row, refuse), "its tries are used up"


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
