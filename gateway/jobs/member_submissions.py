"""Submissions of members, recorded under the claim of their job: places first, then the ids of the arrays.

A place is committed before its array is submitted, so that a later claim looks for exactly that array.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.jobs.submissions import Run
from gateway.models import Job, JobMember
from gateway.states import IN_SCHEDULER, JobState
from gateway.work.claims import Claim, lock_claimed, release_claim
from gateway.work.transitions import move

_PLACE = ("run", "array", "place", "name", "output_identity")


def record_run(session: Session, claim: Claim, run: Run) -> None:
    """Record the folders of a run that was just created: a later claim goes on with no others."""
    row = lock_claimed(session, Job, claim)
    row.run, row.control_root, row.output_identity = run.run, run.control_root, run.output_identity


def record_places(session: Session, claim: Claim, members: Sequence[JobMember]) -> None:
    """Record the places of the members: from now on the scheduler may have them."""
    lock_claimed(session, Job, claim)
    fresh = {"state": JobState.SUBMITTING, "reason": "", "scheduler_id": "", "finding": None}
    update_members(
        session,
        claim.id,
        {member.number: {name: getattr(member, name) for name in _PLACE} | fresh for member in members},
    )


def record_array(session: Session, claim: Claim, members: Sequence[JobMember], scheduler_id: str) -> None:
    """Record that the scheduler has the array of these members."""
    lock_claimed(session, Job, claim)
    pending = {"state": JobState.PENDING, "reason": "", "scheduler_id": scheduler_id}
    update_members(session, claim.id, {member.number: pending for member in members})


def record_unplaced(
    session: Session, claim: Claim, members: Sequence[JobMember], state: JobState, reason: str
) -> None:
    """Record members that the scheduler does not have: they wait for another submission, or have ended."""
    lock_claimed(session, Job, claim)
    values: dict[str, Any] = {"state": state, "reason": reason, "scheduler_id": ""}
    if state not in Job.live:
        values["ended_at"] = utc_now()
    update_members(session, claim.id, {member.number: values for member in members})


def record_submission(session: Session, claim: Claim, reason: str) -> None:
    """Let the watcher alone write the job from now on."""
    row = lock_claimed(session, Job, claim)
    move(session, row, JobState.PENDING, reason)
    release_claim(row)
    row.submitted_at, row.heard_until = utc_now(), None


def update_members(session: Session, job_id: UUID, values: Mapping[int, Mapping[str, Any]]) -> None:
    """Set the same columns of each member to its own values, by its number."""
    if not values:
        return
    columns = next(iter(values.values()))
    mine = JobMember.job_id == bindparam("row_job"), JobMember.number == bindparam("row_number")
    session.connection().execute(
        update(JobMember).where(*mine).values({name: bindparam(f"new_{name}") for name in columns}),
        [
            {"row_job": job_id, "row_number": number, **{f"new_{name}": each[name] for name in columns}}
            for number, each in values.items()
        ],
    )


def in_scheduler(members: Sequence[JobMember]) -> list[JobMember]:
    """Return the members that the scheduler has and on whose end it has not reported."""
    return [member for member in members if member.state in IN_SCHEDULER and member.finding is None]
