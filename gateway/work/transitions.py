"""Transitions: the only functions that change a state, each with its event in the same transaction.

`move` takes one row, `move_many` every row that a condition selects, in two statements. Both write the
same columns and the same events.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, literal, select, update
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.errors import Conflict
from gateway.models import Event, Job, JobMember, Transfer, Workflow
from gateway.states import State, is_final, may_follow, predecessors
from gateway.work.step_moves import record_moves

Model = type[Transfer] | type[Job]
_INSERT_EVENT = insert(Event)
_EVENT = ("work_id", "from_state", "to_state", "attempt", "claim", "worker", "actor", "reason")


def begin(session: Session, rows: Sequence[Transfer | Job]) -> None:
    """Record the first event of each of the rows, which were just inserted by Core."""
    values = [
        {
            "work_id": row.id,
            "from_state": "",
            "to_state": str(row.state),
            "actor": "",
            "reason": "",
            "attempt": row.attempt,
            "claim": row.claim,
            "worker": row.worker,
        }
        for row in rows
    ]
    session.connection().execute(_INSERT_EVENT, values)


def begin_many(session: Session, model: Model, where: ColumnElement[bool]) -> None:
    """Record the first event of each selected row, all of which were just inserted."""
    _record_many(session, model, where, literal(""), model.state)


def move(session: Session, row: Transfer | Job, to: State, reason: str = "", actor: str = "") -> None:
    """Take the row to a state that may follow its own, or raise Conflict."""
    if not may_follow(to, after=row.state):
        raise Conflict(f"{row.id} is {row.state} and cannot become {to}")
    record_event(session, row, row.state, to, reason=reason, actor=actor)
    _assign(row, _values(row, to, reason))
    if isinstance(row, Job) and row.member_count and is_final(to):
        _end_members(session, row, to, reason)
    if row.workflow_id is not None and _advances_workflow(row, to):
        record_moves(session, [row.workflow_id])


def move_many(
    session: Session,
    model: Model,
    where: ColumnElement[bool],
    to: State,
    *,
    reason: str = "",
    actor: str = "",
    **more: Any,
) -> None:
    """Take the selected rows, which the caller has locked, to a state; leave those that may not enter it.

    `more` sets further columns. Its values may read the columns as they were before.
    """
    selected = where & model.state.in_(predecessors(to))
    if _advances_workflow(model, to):
        of_workflows = select(model.workflow_id).where(selected, model.workflow_id.is_not(None))
        record_moves(session, filter(None, session.scalars(of_workflows)))
    columns = {name: more[name] for name in ("claim", "worker") if name in more}
    _record_many(
        session, model, selected, model.state, literal(str(to)), reason=reason, actor=actor, **columns
    )
    changed = update(model).where(selected).values(_values(model, to, reason) | more)
    session.execute(changed.execution_options(synchronize_session=False))


def _end_members(session: Session, job: Job, to: State, reason: str) -> None:
    """End the members that have not ended with their job."""
    job.members_left = 0
    unended = JobMember.job_id == job.id, JobMember.state.in_(Job.live)
    ended = update(JobMember).where(*unended).values(state=to, reason=reason, ended_at=job.ended_at)
    session.execute(ended.execution_options(synchronize_session=False))


def reopen(session: Session, row: Transfer | Job, to: State, reason: str, actor: str) -> None:
    """Take an ended row up again for a retry; the reason stands in the event and not on the row."""
    record_event(session, row, row.state, to, reason=reason, actor=actor)
    _assign(row, {**_entered_values(to, ""), "ended_at": None})


def note(session: Session, row: Transfer | Job, reason: str, actor: str) -> None:
    """Record a request in the history while the row's state stays as it is."""
    record_event(session, row, row.state, row.state, reason=reason, actor=actor)


def note_many(session: Session, model: Model, where: ColumnElement[bool], reason: str, actor: str) -> None:
    """Record a request in the history of each selected row."""
    _record_many(session, model, where, model.state, model.state, reason=reason, actor=actor)


def events(session: Session, row: Transfer | Job) -> list[Event]:
    """Return the row's events, in order."""
    return list(session.scalars(select(Event).where(Event.work_id == row.id).order_by(Event.id)))


def ended_values(source: Transfer | Job | Model, state: State, reason: str) -> dict[str, Any]:
    """Return the columns that a final state sets: values for a row, SQL for a model."""
    entered = _entered_values(state, reason)
    ended = {"ended_at": entered["updated_at"], "lease_until": None, "retry_at": None}
    removal = {"message_id": None, "turn_at": None, "next_send_at": source.clean_at, "failures": 0}
    return {**entered, **ended, **removal}


def _advances_workflow(source: Transfer | Job | Model, to: State) -> bool:
    """Tell whether the workflow of a step has to look at it: it begins to be worked on, or it ends."""
    return to is source.working or is_final(to)


def _values(source: Transfer | Job | Model, to: State, reason: str) -> dict[str, Any]:
    return ended_values(source, to, reason) if is_final(to) else _entered_values(to, reason)


def _entered_values(state: State, reason: str) -> dict[str, Any]:
    return {"state": state, "reason": reason, "fault": None, "updated_at": utc_now()}


def _assign(row: Transfer | Job, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def record_event(
    session: Session,
    row: Transfer | Job | Workflow,
    before: str,
    to: str,
    *,
    reason: str = "",
    actor: str = "",
) -> None:
    """Record an event of the row as it is now."""
    session.add(
        Event(
            work_id=row.id,
            from_state=str(before),
            to_state=str(to),
            attempt=row.attempt,
            claim=row.claim,
            worker=row.worker,
            actor=actor,
            reason=reason,
        )
    )


def _record_many(
    session: Session,
    model: Model,
    where: ColumnElement[bool],
    before: Any,
    to: Any,
    *,
    reason: str = "",
    actor: str = "",
    **columns: Any,
) -> None:
    """Insert one event for each selected row; `columns` replaces its claim or worker."""
    claim, worker = columns.get("claim", model.claim), columns.get("worker", model.worker)
    told = select(
        *(model.id, before, to, model.attempt, claim, worker),
        *(literal(actor, Event.actor.type), literal(reason, Event.reason.type)),
    )
    session.execute(insert(Event).from_select(_EVENT, told.where(where)))
