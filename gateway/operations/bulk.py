"""Retries and cancels of all rows that a filter finds: listed first, then carried out one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from gateway.errors import Fault, GatewayError
from gateway.jobs import lifecycle as jobs
from gateway.jobs.resources import ResourceRequest
from gateway.models import Job, Transfer
from gateway.operations.retries import check_resources, check_retryable, lock_by_id, retry
from gateway.states import JobState, TransferState, is_retryable
from gateway.transfers import lifecycle as transfers
from gateway.work.listing import Filter, WorkKind, filter_conditions, work_model

BAD_ENDS = tuple(dict.fromkeys(str(s) for s in (*TransferState, *JobState) if is_retryable(s)))
LIVE = tuple(dict.fromkeys(map(str, (*Transfer.live, *Job.live))))
LARGEST = 10_000
Judge = Callable[[Session, Transfer | Job], None]
Act = Callable[[Session, Transfer | Job], None]


@dataclass(frozen=True)
class Candidate:
    """A row that the filter selects, as a person judges it; `refusal` tells why it is left alone."""

    id: UUID
    kind: WorkKind
    infrastructure: str
    owner: str
    created_at: datetime
    fault: Fault | None
    reason: str
    refusal: str = ""


@dataclass(frozen=True)
class Selection:
    """The rows of these kinds that a filter finds, and whose failure is of one of the classes.

    Without classes, failures by a user's own input are left out: they fail again.
    """

    wanted: Filter
    kinds: Sequence[WorkKind]
    faults: Sequence[Fault] = ()

    def conditions(self, kind: WorkKind) -> list[ColumnElement[bool]]:
        """Return the conditions for rows of a kind."""
        model = work_model(kind)
        fault: ColumnElement[bool] = or_(model.fault.is_(None), model.fault != Fault.INPUT)
        if self.faults:
            fault = model.fault.in_(self.faults)
        return [*filter_conditions(self.wanted, kind), fault]


def find_retryable(
    session: Session, selection: Selection, resources: ResourceRequest | None = None
) -> list[Candidate]:
    """Return the rows that ended badly, oldest first, up to LARGEST; `resources` are for jobs."""
    wanted = replace(selection.wanted, states=selection.wanted.states or BAD_ENDS)
    return _find(session, replace(selection, wanted=wanted), partial(_judge_retry, resources))


def find_unfinished(session: Session, selection: Selection) -> list[Candidate]:
    """Return the rows that have not ended, oldest first, up to LARGEST."""
    wanted = replace(selection.wanted, states=selection.wanted.states or LIVE)
    return _find(session, replace(selection, wanted=wanted), lambda _session, _row: None)


def _find(session: Session, selection: Selection, judge: Judge) -> list[Candidate]:
    rows: list[Transfer | Job] = []
    for kind in selection.kinds:
        model = work_model(kind)
        oldest = select(model).where(*selection.conditions(kind)).order_by(model.created_at)
        rows.extend(session.scalars(oldest.limit(LARGEST)))
    rows.sort(key=lambda row: (row.created_at, row.id))
    return [_candidate(session, row, judge) for row in rows[:LARGEST]]


def _candidate(session: Session, row: Transfer | Job, judge: Judge) -> Candidate:
    kind = cast("WorkKind", row.kind)
    shown = Candidate(row.id, kind, row.infrastructure, row.owner, row.created_at, row.fault, row.reason)
    try:
        judge(session, row)
    except GatewayError as error:
        return replace(shown, refusal=error.detail)
    return shown


def _judge_retry(resources: ResourceRequest | None, session: Session, row: Transfer | Job) -> None:
    check_retryable(row)
    if isinstance(row, Job) and resources is not None:
        check_resources(session, row, resources)


def act_on_batch(session: Session, some: Sequence[Candidate], act: Act) -> list[Candidate]:
    """Act on each candidate, and return them with the refusals of those that could not be."""
    done: list[Candidate] = []
    for found in some:
        try:
            act(session, lock_by_id(session, found.id))
            done.append(replace(found, refusal=""))
        except GatewayError as error:
            done.append(replace(found, refusal=error.detail))
    return done


def retry_row(
    session: Session, row: Transfer | Job, actor: str, why: str, resources: ResourceRequest | None
) -> None:
    """Retry a locked row."""
    retry(session, row, actor, why, resources=resources)


def cancel_row(session: Session, row: Transfer | Job, actor: str, why: str) -> None:
    """Cancel a locked row."""
    if isinstance(row, Job):
        jobs.cancel(session, row, actor, why)
    else:
        transfers.cancel(session, row, actor, why)
