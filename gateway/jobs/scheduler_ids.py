"""Jobs, and members of sweeps, found by the ids that the scheduler's own commands print."""

import re
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.jobs.folders import output_name
from gateway.models import Job, JobMember
from gateway.models.scheduler_ids import has_scheduler_id
from gateway.schedulers.arrays import array_id, member_id

_PBS_MEMBER = re.compile(r"([^\[\]]+)\[([1-9][0-9]*)\](.*)", re.ASCII)


class Found(NamedTuple):
    """A job; `member` is the name of a member of the run `run_id`, blank for the job itself."""

    job_id: UUID
    run_id: UUID | None = None
    member: str = ""


def find_newest(session: Session, owner: str | None, text: str) -> Found | None:
    """Return the newest job or member of the id, of one owner or of all; the id of an array finds its job."""
    job_id = _newest_job(session, owner, text)
    return Found(job_id) if job_id else _newest_member(session, owner, _own_form(text))


def _newest_job(session: Session, owner: str | None, text: str) -> UUID | None:
    wanted = select(Job.id).where(has_scheduler_id("jobs"), Job.scheduler_id == text)
    if owner is not None:
        wanted = wanted.where(Job.owner == owner)
    return session.scalar(wanted.order_by(Job.created_at.desc()).limit(1))


def _newest_member(session: Session, owner: str | None, text: str) -> Found | None:
    wanted = (
        select(JobMember, Job.workflow_id)
        .join(Job, Job.id == JobMember.job_id)
        .where(has_scheduler_id("job_members"), JobMember.scheduler_id.in_([text, member_id(text, 1)]))
    )
    if owner is not None:
        wanted = wanted.where(Job.owner == owner)
    row = session.execute(wanted.order_by(Job.created_at.desc(), JobMember.number).limit(1)).first()
    if row is None:
        return None
    member, run_id = row
    is_member = run_id is not None and text != array_id(text)
    return Found(member.job_id, run_id, output_name(member) if is_member else "")


def _own_form(text: str) -> str:
    """Return the gateway's form of a member's id in PBS: `50[].pbs1_2` for `50[2].pbs1`."""
    match = _PBS_MEMBER.fullmatch(text)
    return member_id(f"{match[1]}[]{match[3]}", int(match[2])) if match else text
