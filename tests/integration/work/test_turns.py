"""Turns: what is published of each owner, what waits, and which claims leave their slot to another owner."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, select, update

from gateway.clusters import heartbeats, queue_names
from gateway.db import db_now, session_scope
from gateway.errors import StorageUnavailable
from gateway.models import Transfer, WorkerSlots
from gateway.states import TransferState
from gateway.transfers import groups, prefixes
from gateway.transfers import lifecycle as transfers
from gateway.transfers.prefixes import PrefixEntry
from gateway.work import claims, failures
from gateway.work.claims import Claim
from gateway.work.grouping import ROWS
from gateway.work.outbox import Message
from tests.rows import KEYS, create, job, new_job, new_transfer, sending, transfer
from tests.turns import SLOTS, end, ids, is_waiting, serve, sweep, take

MANY = 20
pytestmark = pytest.mark.usefixtures("database")


def test_as_many_messages_of_an_owner_are_published_as_there_are_slots() -> None:
    serve()
    with sending() as sent:
        rows = [new_transfer() for _ in range(MANY)]
    assert ids(sent) == rows[:SLOTS]
    assert all(message.first for message in sent)
    assert [is_waiting(transfer(row)) for row in rows] == [False] * SLOTS + [True] * (MANY - SLOTS)
    assert {transfer(row).state for row in rows} == {TransferState.ACCEPTED}


def test_while_no_worker_is_known_one_message_of_an_owner_is_published() -> None:
    with sending() as sent:
        rows = [new_transfer() for _ in range(3)]
        other = new_transfer(owner="b")
        jobs = [new_job("fft") for _ in range(2)]
    assert ids(sent) == [rows[0], other, jobs[0]]
    with session_scope() as session:
        heartbeats.record_slots(session, "hpc", "w", 2)
        heartbeats.record_slots(session, "hpc", "w2", 2)
    assert ids(sweep()) == [rows[1], rows[2], jobs[1]]


def test_the_sweep_counts_the_parents_of_all_owners_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The children of many large prefixes take longer to be counted than a sweep may last."""
    monkeypatch.setattr(prefixes, "LONGEST_COUNT_S", -1.0)
    parents = [new_transfer(owner=owner) for owner in "aaab"]
    with session_scope() as session:
        waits = {"state": TransferState.TRANSFERRING, "children": {"accepted": 1}}
        session.execute(update(Transfer).values(waits))
    ended = []
    for _ in range(5):
        with session_scope() as session:
            prefixes.update_parents(session)
        ended.append([row for row in parents if not transfer(row).children])
    assert ended[1] == [parents[0], parents[3]]
    assert ended[4] == parents


def test_a_worker_that_stops_or_falls_silent_has_no_slots() -> None:
    for n in range(3):
        with session_scope() as session:
            heartbeats.record_slots(session, "hpc", f"w{n}", 10)
    with session_scope() as session:
        heartbeats.forget_slots(session, "hpc", "w0")
        silent = update(WorkerSlots).where(WorkerSlots.worker == "w1")
        session.execute(silent.values(until=db_now(-1)))
    with session_scope(read_only=True) as session:
        count = select(heartbeats.count_slots("hpc", moves_bytes=True))
        assert session.scalar(count) == 10
        assert session.scalar(select(heartbeats.count_slots("other", moves_bytes=True))) is None


@pytest.mark.parametrize("clusters", [("hpc", "unserved"), ("unserved", "hpc")])
def test_clusters_and_kinds_of_work_do_not_share_their_turns(clusters: tuple[str, str]) -> None:
    with sending() as sent:
        for cluster in clusters:
            new_transfer(infrastructure=cluster)
            new_job("fft", infrastructure=cluster)
    assert sorted(message.queue for message in sent) == [
        f"{cluster}.{kind}" for cluster in ("hpc", "unserved") for kind in ("long", "short")
    ]


def test_a_claim_publishes_the_owners_next_in_its_own_commit() -> None:
    serve()
    rows = [new_transfer() for _ in range(MANY)]
    with sending() as sent:
        take(rows[0])
    assert ids(sent) == [rows[SLOTS]]
    assert sent[0].first, "Flower finds a row by its id, however late it is published"


def test_a_rollback_of_the_claim_publishes_nothing_and_the_next_claim_goes_on() -> None:
    serve()
    rows = [new_transfer() for _ in range(MANY)]
    with sending() as sent, suppress(ZeroDivisionError), session_scope() as session:
        claims.take_transfer(session, rows[0], "w")
        raise ZeroDivisionError
    assert sent == []
    assert is_waiting(transfer(rows[SLOTS]))
    assert take(rows[0])


def test_an_owner_alone_uses_all_slots() -> None:
    serve()
    rows = [new_transfer() for _ in range(MANY)]
    assert all(take(row) for row in rows[: SLOTS + 1])


def test_an_owner_with_its_share_leaves_the_slot_to_one_that_waits() -> None:
    serve()
    rows = [new_transfer(owner="a") for _ in range(MANY)]
    held = [take(row) for row in rows[:SLOTS]]
    other = new_transfer(owner="b")
    end(held[0])
    assert take(rows[SLOTS]) is None, "b waits, and a holds three of four slots"
    assert is_waiting(transfer(rows[SLOTS]))
    assert transfer(rows[SLOTS]).state is TransferState.ACCEPTED
    assert take(other)
    with sending() as sent:
        end(held[1])
    assert rows[SLOTS] in ids(sent), "it comes again, first of all that wait"


def test_an_owner_below_its_share_may_claim_although_others_wait() -> None:
    serve()
    [mine, *_] = [new_transfer(owner="a") for _ in range(3)]
    for name in ("b", "c"):
        new_transfer(owner=name)
    assert take(mine)


def test_jobs_of_an_owner_leave_a_slot_free_for_another() -> None:
    serve()
    most = queue_names.short_slots(SLOTS) - 1
    with sending() as sent:
        rows = [new_job("fft", owner="a") for _ in range(MANY)]
    assert ids(sent) == rows[:1], "the others share the next message"
    with sending() as sent:
        for row in rows[:most]:
            with session_scope() as session:
                assert claims.take_submission(session, row, "w")
    assert [ids([message]) for message in sent] == [rows[1:]]
    with session_scope() as session:
        assert claims.take_submission(session, rows[most], "w") is None, "a copy of its message came early"
    assert is_waiting(job(rows[most]))
    with sending() as sent:
        other = new_job("fft", owner="b")
    assert ids(sent) == [other]
    with session_scope() as session:
        assert claims.take_submission(session, other, "w")


def expand(files: int, owner: str = "a") -> tuple[list[Message], list[UUID]]:
    """Make the children of a prefix; return the messages of its commit and the children in order."""
    with session_scope() as session:
        request = transfers.S3Request(
            "s3_data", "hpc", "https://s3.example.org", "b", "p/", "local", KEYS, "p"
        )
        parent_id = create(session, transfers.draft(session, owner, request))
    claim = Claim(parent_id, 1, 1, repeated=False)
    with session_scope() as session:
        session.execute(
            update(Transfer)
            .where(Transfer.id == parent_id)
            .values(
                claim=1, state=TransferState.TRANSFERRING, lease_until=db_now(30), next_send_at=db_now(30)
            )
        )
    with sending() as sent, session_scope() as session:
        prefixes.expand_prefix(session, claim, [PrefixEntry(f"f{n}", 5) for n in range(files)])
    with session_scope(read_only=True) as session:
        mine = select(Transfer.id).where(Transfer.parent_id == parent_id).order_by(Transfer.created_at)
        return sent, list(session.scalars(mine))


def test_a_group_counts_as_one_message() -> None:
    serve()
    sent, children = expand(10 * ROWS)
    assert [len(ids([message])) for message in sent] == [ROWS] * SLOTS
    assert ids(sent) == children[: SLOTS * ROWS]
    with sending() as more, session_scope() as session:
        assert len(groups.claim_group(session, ids(sent[:1]), "w")) == ROWS
    assert ids(more) == children[SLOTS * ROWS : (SLOTS + 1) * ROWS]
    other = new_transfer(owner="b")
    for message in sent[1:]:
        with session_scope() as session:
            groups.claim_group(session, ids([message]), "w")
    with session_scope() as session:
        assert groups.claim_group(session, ids(more), "w") == []
    assert all(is_waiting(transfer(row)) for row in ids(more))
    assert take(other)


def test_a_lost_group_is_published_as_a_group_again() -> None:
    serve()
    sent, _ = expand(2 * ROWS)
    assert sweep() == []
    with session_scope() as session:
        session.execute(
            update(Transfer).where(Transfer.next_send_at.is_not(None)).values(next_send_at=db_now(-1))
        )
    again = sweep()
    assert [ids([message]) for message in again] == [ids([message]) for message in sent]
    assert not any(message.first for message in again)
    assert sweep() == []


def test_rows_of_the_version_before_are_published_by_turns() -> None:
    serve()
    rows = [new_transfer() for _ in range(MANY)]
    old = {"message_id": None, "turn_at": None, "next_send_at": db_now(-1)}
    with session_scope() as session:
        session.execute(update(Transfer).values(old))
    assert sorted(ids(sweep())) == sorted(set(ids_published()) & set(rows))
    assert len(ids_published()) == SLOTS
    assert sweep() == []


def ids_published() -> list[UUID]:
    with session_scope(read_only=True) as session:
        return list(session.scalars(select(Transfer.id).where(Transfer.message_id.is_not(None))))


def test_ended_and_put_off_rows_are_not_counted() -> None:
    serve(1)
    row = new_transfer()
    claim = take(row)
    assert claim
    with session_scope() as session:
        failures.record_failure(session, session.get_one(Transfer, row), StorageUnavailable("slow"))
    with sending() as sent:
        other = new_transfer()
    assert ids(sent) == [other]


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, text: str, *_: object) -> None:
        seen.append(text)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_request_asks_the_database_one_thing_more(database: Engine) -> None:
    serve()
    with statements(database) as seen:
        new_transfer()
    assert len([text for text in seen if text.startswith("SELECT") and "message_id" in text]) == 1
    assert len([text for text in seen if text.startswith("INSERT INTO transfers")]) == 1
    assert not [text for text in seen if text.startswith("UPDATE transfers")]
