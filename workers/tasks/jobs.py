"""The tasks of a job: submit and finish. The watcher writes its states in between."""

import logging
from collections.abc import Sequence

from gateway.clusters.configuration import Cluster
from gateway.clusters.served import cluster_of
from gateway.db import session_scope
from gateway.errors import Fault, GatewayError, InputError, SchedulerError
from gateway.jobs import lifecycle as jobs
from gateway.jobs.ending import read_ending
from gateway.jobs.growth import decide_growth
from gateway.jobs.member_ending import read_ends, record_end, unread_arrays, write_table
from gateway.jobs.member_growth import decide_sweep_growth, record_growth
from gateway.jobs.members import load_members
from gateway.jobs.run_folders import open_run, prevent_start
from gateway.jobs.spec import submitted_job
from gateway.jobs.usage import measure_usage
from gateway.models import Job
from gateway.queue import app
from gateway.schedulers.base import Accounting, SubmittedJob
from gateway.schedulers.opening import open_scheduler
from gateway.states import JobState
from gateway.work import claims
from gateway.work.claims import Claim
from workers.claim_context import GivenUp, claim_row, recording_failure
from workers.job_submission import submit_jobs
from workers.lease_keeper import LeaseKeeper
from workers.row_errors import SomeFailed
from workers.tasks import LOST_WORKER

_log = logging.getLogger(__name__)


@app.task(name="jobs.submit", bind=True, throws=(GivenUp, SomeFailed), **LOST_WORKER)
def submit(self: "app.Task", *job_ids: str) -> None:
    """Submit a job, or a group of new ones, to the scheduler, each exactly once."""
    submit_jobs(str(self.request.hostname), job_ids)


@app.task(name="jobs.finish", bind=True, throws=(InputError, SchedulerError, GivenUp), **LOST_WORKER)
def finish(self: "app.Task", job_id: str) -> None:
    """Make a job's end final and visible, or let the job grow and run again.

    The task fails when the job failed, so that Flower shows it.
    """
    claim = claim_row(claims.take_ending, job_id, str(self.request.hostname))
    if claim is None:
        return
    failure: GatewayError | None = None
    with recording_failure(Job, claim), LeaseKeeper(Job, [claim]):
        with session_scope() as session:
            row = claims.lock_claimed(session, Job, claim)
        failure = (_finish_sweep if row.member_count else _finish_job)(row, claim, cluster_of(row))
    if failure is not None:  # outside of the block, which would record it on the row that has ended
        raise failure


def _finish_job(row: Job, claim: Claim, cluster: Cluster) -> GatewayError | None:
    """Read the end of a job and make it final, or let the job grow; return the error of a failed one."""
    folders = open_run(row, cluster)
    figures = _accounting(row, cluster, [submitted_job(row)])
    usage, warnings = measure_usage(row, folders, figures.get(row.name))
    state, reason, outputs = read_ending(row, cluster, folders, usage)
    if state is not JobState.SUCCEEDED:
        prevent_start(row, cluster)
    with session_scope() as session:
        growth = decide_growth(claims.lock_claimed(session, Job, claim), cluster, state)
        if growth.resources is not None:
            jobs.run_again(session, claim, growth.resources, f"{growth.reason}: {reason}")
            return None
        reason = "; ".join(filter(None, (reason, growth.reason)))
        jobs.finish(session, claim, state, reason, outputs=outputs, usage=usage, warnings=warnings)
    return _failure(state, reason, jobs.fault_of_job(state, (row.finding or {}).get("exit_code")))


def _failure(state: JobState, reason: str, fault: Fault | None) -> GatewayError | None:
    """Return the error with which the task of a failed job ends: a user's bad file is not the cluster's."""
    if state is JobState.SUCCEEDED:
        return None
    return (InputError if fault is Fault.INPUT else SchedulerError)(f"{state}: {reason}")


def _finish_sweep(row: Job, claim: Claim, cluster: Cluster) -> GatewayError | None:
    """Read the ends of all members, and make them and the end of their job final, or let some grow."""
    with session_scope(read_only=True) as session:
        members = load_members(session, row.id)
    ends = read_ends(row, members, cluster, _accounting(row, cluster, unread_arrays(row, members)))
    with session_scope() as session:
        job = claims.lock_claimed(session, Job, claim)
        growth = decide_sweep_growth(job, cluster, members, ends)
        if growth.grown:
            record_growth(session, claim, growth)
            return None
    write_table(row, cluster, members, growth.final)
    with session_scope() as session:
        found = record_end(session, claim, members, growth.final)
    return _failure(found.state, found.reason, found.fault)


def _accounting(row: Job, cluster: Cluster, jobs: Sequence[SubmittedJob]) -> dict[str, Accounting]:
    """Return the scheduler's own figures by name, as far as it has them now."""
    figures: dict[str, Accounting] = {}
    try:
        for job in jobs:
            figures |= open_scheduler(cluster).accounting(job)
    except SchedulerError as error:
        _log.warning("job %s: no figures from the accounting: %s", row.id, error.detail)
    return figures
