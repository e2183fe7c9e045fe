"""Members of a sweep: one job of many runs, each with parameters, a state, outputs and a usage of its own."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from gateway.errors import Invalid
from gateway.jobs.member_params import Params, understand_members
from gateway.models import Job, JobMember
from gateway.models.base import fill_defaults
from gateway.states import IN_SCHEDULER, JOB_ENDS, JobState

__all__ = ["JobMember", "insert_members", "list_page"]
_COLUMNS = [column.key for column in JobMember.__table__.columns]
FRESH: dict[str, Any] = {  # the columns of a member that is to run, or to run again
    "state": JobState.ACCEPTED,
    "reason": "",
    "fault": None,
    "name": "",
    "scheduler_id": "",
    "finding": None,
    "exit_code": None,
    "outputs": [],
    "usage": None,
    "warnings": [],
    "started_at": None,
    "ended_at": None,
    "output_identity": None,
}


def insert_members(session: Session, job: Job, params: Sequence[Params], base: Params) -> None:
    """Make an inserted job, which no worker has begun, a sweep of these members.

    `base` are the job's parameters as they were sent, over which each member's are merged.
    """
    understood = understand_members(session, job, base, params)
    rows = [
        JobMember(job_id=job.id, number=number, params=dict(given), changes=changes)
        for number, (given, changes) in enumerate(zip(params, understood.changes, strict=True))
    ]
    for row in rows:
        fill_defaults(row)
    values = [{name: getattr(row, name) for name in _COLUMNS} for row in rows]
    session.connection().execute(insert(JobMember), values)
    counts = {"member_count": len(rows), "members_left": len(rows)}
    warnings = list(dict.fromkeys((*job.warnings, *understood.warnings)))
    _update_job(session, job, counts | {"warnings": warnings})


def _update_job(session: Session, job: Job, values: dict[str, Any]) -> None:
    """Set columns of a row that may have been inserted behind the session."""
    session.execute(
        update(Job).where(Job.id == job.id).values(values).execution_options(synchronize_session=False)
    )
    for name, value in values.items():
        setattr(job, name, value)


def list_page(
    session: Session, job_id: UUID, cursor: str | None, limit: int
) -> tuple[list[JobMember], str | None]:
    """Return up to `limit` members in the order of their numbers, and the next cursor."""
    first = decode_cursor(cursor)
    wanted = select(JobMember).where(JobMember.job_id == job_id, JobMember.number >= first)
    found = session.scalars(wanted.order_by(JobMember.number).limit(limit + 1)).all()
    return list(found[:limit]), str(found[limit].number) if len(found) > limit else None


def decode_cursor(cursor: str | None) -> int:
    """Return the number of the first member of a page; raise Invalid for a text that is no cursor."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= len("1000")):
        raise Invalid(f"{cursor!r} is no cursor of this list: send `next` as it came", field="cursor")
    return int(cursor)


def load_members(session: Session, job_id: UUID) -> list[JobMember]:
    """Return all members of a job in the order of their numbers."""
    wanted = select(JobMember).where(JobMember.job_id == job_id).order_by(JobMember.number)
    return list(session.scalars(wanted))


def are_submitted(session: Session, job: Job) -> bool:
    """Tell whether the scheduler has or may have members, so that a worker has to look for them first."""
    states = [JobState.SUBMITTING, *IN_SCHEDULER]
    mine = JobMember.job_id == job.id, JobMember.state.in_(states), JobMember.finding.is_(None)
    return bool(job.member_count) and bool(session.scalar(select(func.count()).where(*mine)))


def reopen_failed(session: Session, job: Job) -> None:
    """Take the members without success up again, for a retry of the job."""
    failed = JobMember.job_id == job.id, JobMember.state != JobState.SUCCEEDED
    again = update(JobMember).where(*failed).values(FRESH)
    session.execute(again.execution_options(synchronize_session="fetch"))
    left = select(func.count()).where(JobMember.job_id == job.id, JobMember.state.not_in(JOB_ENDS))
    job.members_left = session.scalar(left) or 0


def count_failed(session: Session, job: Job) -> int:
    """Return the number that a retry of the job counts in quotas: its members without success, or 1."""
    if not job.member_count:
        return 1
    failed = JobMember.job_id == job.id, JobMember.state != JobState.SUCCEEDED
    return session.scalar(select(func.count()).where(*failed)) or 1
