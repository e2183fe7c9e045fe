"""One row and many change their state alike: every column and every event is compared."""

from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, literal, select, update

from gateway.db import db_now, session_scope
from gateway.errors import Fault
from gateway.models import Event, Job, Transfer
from gateway.states import JobState, State, TransferState
from gateway.work import claims, transitions
from gateway.work.failures import finish_cancel
from tests.rows import new_job, new_transfer
from tests.turns import serve

WORKER, WHY, ACTOR = "w1", "because", "a tester"
Row = TypeVar("Row", Transfer, Job)
CLOCK = {"created_at", "queued_at", "updated_at", "ended_at", "next_send_at", "lease_until", "retry_at", "at"}
CLOCK |= {"turn_at"}
OWN = {"id", "xid", "work_id", "credentials", "message_id"}
pytestmark = pytest.mark.usefixtures("database")


def columns(row: Transfer | Job | Event) -> dict[str, Any]:
    """Return every column, of a time only whether there is one, of credentials as well."""
    values = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    return {name: value is None if name in CLOCK | OWN else value for name, value in values.items()}


def seen(model: type[Row], row_id: UUID) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with session_scope(read_only=True) as session:
        row = session.get_one(model, row_id)
        return columns(row), [columns(each) for each in transitions.events(session, row)]


def prepare(model: type[Transfer | Job], row_id: UUID, **values: Any) -> None:
    common: dict[str, Any] = dict.fromkeys(["lease_until", "retry_at", "next_send_at"], db_now(30))
    common |= {"message_id": row_id, "turn_at": db_now(30)}
    common |= {"reason": "before", "fault": Fault.STORE, "claim": 3, "worker": WORKER, "attempt": 2}
    with session_scope() as session:
        session.execute(update(model).where(model.id == row_id).values(**common | values))


TRANSFERS = [
    (TransferState.ACCEPTED, TransferState.TRANSFERRING),
    (TransferState.TRANSFERRING, TransferState.TRANSFERRING),
    (TransferState.TRANSFERRING, TransferState.RETRYING),
    (TransferState.TRANSFERRING, TransferState.COMPLETED),
    (TransferState.RETRYING, TransferState.FAILED),
    (TransferState.ACCEPTED, TransferState.CANCELLED),
]
JOBS = [
    (JobState.ACCEPTED, JobState.SUBMITTING),
    (JobState.RUNNING, JobState.PENDING),
    (JobState.RUNNING, JobState.OUT_OF_MEMORY),
    (JobState.RETRYING, JobState.CANCELLED),
]


@pytest.mark.parametrize("leftovers", [True, False])
@pytest.mark.parametrize(("before", "to"), TRANSFERS)
def test_one_transfer_and_many_change_alike(before: State, to: State, *, leftovers: bool) -> None:
    alone, one, other = (new_transfer() for _ in range(3))
    for row_id in (alone, one, other):
        prepare(Transfer, row_id, state=before, leftovers=leftovers)
    with session_scope() as session:
        transitions.move(session, session.get_one(Transfer, alone), to, WHY, ACTOR)
    with session_scope() as session:
        transitions.move_many(session, Transfer, Transfer.id.in_([one, other]), to, reason=WHY, actor=ACTOR)
    assert seen(Transfer, one) == seen(Transfer, other) == seen(Transfer, alone)
    assert seen(Transfer, alone)[0]["state"] is to


@pytest.mark.parametrize(("before", "to"), JOBS)
def test_one_job_and_many_change_alike(before: State, to: State) -> None:
    alone, one, other = (new_job("fft") for _ in range(3))
    for row_id in (alone, one, other):
        prepare(Job, row_id, state=before)
    with session_scope() as session:
        transitions.move(session, session.get_one(Job, alone), to, WHY, ACTOR)
    with session_scope() as session:
        transitions.move_many(session, Job, Job.id.in_([one, other]), to, reason=WHY, actor=ACTOR)
    assert seen(Job, one) == seen(Job, other) == seen(Job, alone)


@pytest.mark.parametrize("kind", ["s3_data", "s3_result"])
@pytest.mark.parametrize("leftovers", [True, False])
def test_a_cancel_of_one_and_of_many_keeps_the_same_credentials(kind: str, *, leftovers: bool) -> None:
    alone, one = new_transfer(kind), new_transfer(kind)
    for row_id in (alone, one):
        prepare(Transfer, row_id, state=TransferState.RETRYING, leftovers=leftovers)
    with session_scope() as session:
        finish_cancel(session, session.get_one(Transfer, alone))
    with session_scope() as session:
        transitions.move_many(
            session,
            Transfer,
            Transfer.id == one,
            TransferState.CANCELLED,
            reason="cancelled on request",
            credentials=Transfer.cleaning_credentials,
        )
    assert seen(Transfer, one) == seen(Transfer, alone)
    assert seen(Transfer, one)[0]["credentials"] is not (kind == "s3_result" and leftovers)


def test_the_event_has_the_claim_and_the_worker_that_the_move_sets() -> None:
    serve()
    alone, one = new_transfer(), new_transfer()
    with session_scope() as session:
        assert claims.take_transfer(session, alone, WORKER)
    with session_scope() as session:
        transitions.move_many(
            session,
            Transfer,
            Transfer.id == one,
            TransferState.TRANSFERRING,
            claim=Transfer.claim + 1,
            worker=literal(WORKER),
            leftovers=True,
            lease_until=db_now(30),
            next_send_at=db_now(30),
        )
    assert seen(Transfer, one) == seen(Transfer, alone)


def test_rows_that_may_not_enter_the_state_stay_as_they_are() -> None:
    done, going = new_transfer(), new_transfer()
    prepare(Transfer, done, state=TransferState.COMPLETED)
    before = seen(Transfer, done)
    with session_scope() as session:
        transitions.move_many(
            session, Transfer, Transfer.id.in_([done, going]), TransferState.CANCELLED, reason=WHY
        )
    assert seen(Transfer, done) == before
    assert seen(Transfer, going)[0]["state"] is TransferState.CANCELLED


def test_many_rows_take_three_statements_whatever_their_number(database: Engine) -> None:
    row_ids = [new_transfer() for _ in range(20)]
    said: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *args: said.append(str(args[2]).split()[0]))
    with session_scope() as session:
        transitions.move_many(session, Transfer, Transfer.id.in_(row_ids), TransferState.FAILED, reason=WHY)
    assert [word for word in said if word in {"INSERT", "UPDATE", "SELECT"}] == ["SELECT", "INSERT", "UPDATE"]
    with session_scope(read_only=True) as session:
        assert len(session.scalars(select(Event.id).where(Event.to_state == "failed")).all()) == len(row_ids)
