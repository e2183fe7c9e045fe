"""Submissions of jobs: claims, runs and the scheduler's ids, recorded together for the jobs of a message."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.models import Job
from gateway.states import JobState
from gateway.work.claims import Claim
from gateway.work.group_claims import claim_rows, lock_rows
from gateway.work.transitions import move_many, note_many


@dataclass(frozen=True)
class Run:
    """A run whose folders were just created."""

    run: int
    control_root: str
    output_identity: str


def claim_jobs(session: Session, row_ids: Iterable[UUID], worker: str) -> list[tuple[Claim, Job]]:
    """Claim the new jobs for their submission, and return them as they were before."""
    unbegun = Job.id.in_(row_ids), Job.state == JobState.ACCEPTED, Job.failures == 0
    return claim_rows(session, Job, unbegun, JobState.SUBMITTING, worker)


def record_runs(
    session: Session, jobs: Mapping[Claim, Job], runs: Mapping[Claim, Run]
) -> tuple[set[Claim], set[Claim]]:
    """Record the folders of the runs, on the rows and on `jobs`: a later claim goes on with no others.

    Return the claims whose runs are recorded now, and those of locked rows.
    """
    held, left = lock_rows(session, Job, runs.keys(), JobState.SUBMITTING)
    for claim in held:
        if runs[claim].run != jobs[claim].run:
            taken = f"a folder of run {jobs[claim].run} was already there: this is run {runs[claim].run}"
            note_many(session, Job, Job.id == claim.id, taken, actor="")
        for name, value in asdict(runs[claim]).items():
            setattr(jobs[claim], name, value)
    _update_each(session, {claim.id: asdict(runs[claim]) for claim in held})
    return held, left


def record_submissions(session: Session, ids: Mapping[Claim, str]) -> tuple[set[Claim], set[Claim]]:
    """Record that the scheduler has the jobs, with its ids: from now on the watcher alone writes the rows.

    Return the claims whose rows are recorded now, and those of locked rows. A row that another worker has
    claimed since stays as it is.
    """
    held, left = lock_rows(session, Job, ids.keys(), JobState.SUBMITTING)
    move_many(
        session,
        Job,
        Job.id.in_([claim.id for claim in held]),
        JobState.PENDING,
        submitted_at=utc_now(),
        heard_until=None,
        failures=0,
        lease_until=None,
        next_send_at=None,
        message_id=None,
    )
    _update_each(session, {claim.id: {"scheduler_id": ids[claim]} for claim in held})
    return held, left


def _update_each(session: Session, values: Mapping[UUID, Mapping[str, object]]) -> None:
    """Set the same columns of each row to its own values."""
    if not values:
        return
    columns = next(iter(values.values()))
    changed = update(Job).where(Job.id == bindparam("row_id"))
    session.connection().execute(
        changed.values({name: bindparam(f"new_{name}") for name in columns}),
        [
            {"row_id": row_id, **{f"new_{name}": value for name, value in each.items()}}
            for row_id, each in values.items()
        ],
    )
