"""The tasks of a job: submit and finish. The watcher writes its states in between."""

import logging
from pathlib import Path

from gateway.clusters.configuration import Cluster, configured_clusters
from gateway.clusters.owner_roots import owner_roots
from gateway.db import session_scope
from gateway.errors import Cancelled, SchedulerError, SchedulerUnavailable
from gateway.filesystems.opening import open_control
from gateway.jobs import lifecycle as jobs
from gateway.jobs.ending import read_ending
from gateway.jobs.folders import JobFolders, control_folder
from gateway.jobs.growth import decide_growth
from gateway.jobs.placement import check_placement
from gateway.jobs.run_folders import create_run, open_run, prevent_start
from gateway.jobs.spec import prepare, submitted_job
from gateway.jobs.usage import measure_usage
from gateway.models import Job
from gateway.queue import app
from gateway.schedulers.attempt_record import forbid_start
from gateway.schedulers.base import Accounting
from gateway.schedulers.opening import open_scheduler
from gateway.states import JobState
from gateway.work import claims
from gateway.work.claims import Claim
from gateway.work.failures import ON_REQUEST
from workers.claim_context import GivenUp, claim_row, recording_failure
from workers.client_files import open_client_files
from workers.lease_keeper import LeaseKeeper
from workers.tasks import LOST_WORKER

_log = logging.getLogger(__name__)


@app.task(name="jobs.submit", bind=True, throws=(GivenUp,), **LOST_WORKER)
def submit(self: "app.Task", job_id: str) -> None:
    """Submit a job to its scheduler, exactly once."""
    claim = claim_row(claims.take_submission, job_id, str(self.request.hostname))
    if claim is None:
        return
    with recording_failure(Job, claim), LeaseKeeper(Job, [claim]):
        with session_scope() as session:
            row = claims.lock_claimed(session, Job, claim)
        cluster = configured_clusters()[row.infrastructure]
        scheduler_id = _submit(row, cluster, claim)
        with session_scope() as session:
            jobs.record_submission(session, claim, scheduler_id)


def _submit(row: Job, cluster: Cluster, claim: Claim) -> str:
    """Submit the job, or adopt the one that an earlier claim of this run has submitted.

    A job with a cancel request is adopted, for the watcher to cancel, but not submitted.
    """
    scheduler = open_scheduler(cluster)
    if claim.repeated:
        found = scheduler.find(submitted_job(row))
        if found is not None:
            return found.scheduler_id
    if row.cancel_requested_at is not None:
        raise Cancelled(ON_REQUEST)
    folders = JobFolders.of(row.params, owner_roots(cluster, row.owner))
    check_placement(folders, row.services.split(), open_client_files(cluster, row.owner))
    prepared = prepare(_settle_run(row, cluster, claim), cluster, folders)
    open_control(cluster).write_text(prepared.job_file, prepared.job_json)
    try:
        return scheduler.submit(prepared.spec)
    except SchedulerError as error:
        if error.transient or not row.growths:
            raise
        raise SchedulerError(f"the scheduler takes no run with larger resources: {error.detail}") from error


def _settle_run(row: Job, cluster: Cluster, claim: Claim) -> Job:
    """Return the row with the folders of its run: those that an earlier claim recorded, or new ones.

    A run that is left may have been submitted although the scheduler does not know it yet, so first
    it is made unable to start.
    """
    if open_run(row, cluster).are_intact(row):
        return row
    if claim.repeated and not forbid_start(Path(control_folder(row))):
        raise SchedulerUnavailable("the job has started meanwhile: it is looked for again")
    run, identity = create_run(row, cluster)
    with session_scope() as session:
        return jobs.record_run(session, claim, run, str(cluster.control), identity)


@app.task(name="jobs.finish", bind=True, throws=(SchedulerError, GivenUp), **LOST_WORKER)
def finish(self: "app.Task", job_id: str) -> None:
    """Make a job's end final and visible, or let the job grow and run again.

    The task fails when the job failed, so that Flower shows it.
    """
    claim = claim_row(claims.take_ending, job_id, str(self.request.hostname))
    if claim is None:
        return
    with recording_failure(Job, claim), LeaseKeeper(Job, [claim]):
        with session_scope() as session:
            row = claims.lock_claimed(session, Job, claim)
        cluster = configured_clusters()[row.infrastructure]
        folders = open_run(row, cluster)
        usage, warnings = measure_usage(row, folders, _accounting(row, cluster))
        state, reason, outputs = read_ending(row, cluster, folders, usage)
        if state is not JobState.SUCCEEDED:
            prevent_start(row)
        with session_scope() as session:
            growth = decide_growth(claims.lock_claimed(session, Job, claim), cluster, state)
            if growth.resources is not None:
                jobs.run_again(session, claim, growth.resources, f"{growth.reason}: {reason}")
                return
            reason = "; ".join(filter(None, (reason, growth.reason)))
            jobs.finish(session, claim, state, reason, outputs=outputs, usage=usage, warnings=warnings)
    if state is not JobState.SUCCEEDED:
        raise SchedulerError(f"{state}: {reason}")


def _accounting(row: Job, cluster: Cluster) -> Accounting | None:
    """Return the scheduler's own figures, or None when it has none now."""
    try:
        return open_scheduler(cluster).accounting(submitted_job(row))
    except SchedulerError as error:
        _log.warning("job %s: no figures from the accounting: %s", row.id, error.detail)
        return None
