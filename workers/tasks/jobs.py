"""The tasks of a job: submit and finish. The watcher writes its states in between."""

import logging

from gateway.clusters import catalog
from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.db import session_scope
from gateway.errors import Cancelled, SchedulerError
from gateway.filesystems.opening import open_filesystem
from gateway.filesystems.shared import SharedFilesystem
from gateway.jobs import lifecycle as jobs
from gateway.jobs.ending import read_ending
from gateway.jobs.folders import JobFolders, attempt_folder
from gateway.jobs.placement import check_placement
from gateway.jobs.spec import prepare
from gateway.jobs.usage import measure_usage
from gateway.models import Job
from gateway.queue import app
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
        cluster = catalog.configured_clusters()[row.infrastructure]
        scheduler_id = _submit(row, cluster, open_filesystem(cluster, row.owner), claim)
        with session_scope() as session:
            jobs.record_submission(session, claim, scheduler_id)


def _submit(row: Job, cluster: Cluster, filesystem: SharedFilesystem, claim: Claim) -> str:
    """Submit the job, or adopt the one that an earlier claim of this attempt has submitted.

    A job with a cancel request is adopted, for the watcher to cancel, but not submitted.
    """
    prepared, scheduler = prepare(row, cluster), open_scheduler(cluster)
    if claim.repeated:
        found = scheduler.find(prepared.spec.name, prepared.spec.folder)
        if found is not None:
            return found.scheduler_id
    if row.cancel_requested_at is not None:
        raise Cancelled(ON_REQUEST)
    folders = JobFolders.of(row.params, owner_roots(cluster, row.owner))
    check_placement(folders, row.services.split(), open_client_files(cluster, row.owner))
    filesystem.make_folder(prepared.job_file.parent)
    filesystem.write_text(prepared.job_file, prepared.job_json)
    return scheduler.submit(prepared.spec)


@app.task(name="jobs.finish", bind=True, throws=(SchedulerError, GivenUp), **LOST_WORKER)
def finish(self: "app.Task", job_id: str) -> None:
    """Make a job's end final and visible. The task fails when the job failed, so that Flower shows it."""
    claim = claim_row(claims.take_ending, job_id, str(self.request.hostname))
    if claim is None:
        return
    with recording_failure(Job, claim), LeaseKeeper(Job, [claim]):
        with session_scope() as session:
            row = claims.lock_claimed(session, Job, claim)
        cluster = catalog.configured_clusters()[row.infrastructure]
        filesystem = open_filesystem(cluster, row.owner)
        state, reason, outputs = read_ending(row, cluster, filesystem)
        used = measure_usage(row, attempt_folder(row), filesystem, _accounting(row, cluster))
        with session_scope() as session:
            jobs.finish(session, claim, state, reason, outputs=outputs, usage=used)
    if state is not JobState.SUCCEEDED:
        raise SchedulerError(f"{state}: {reason}")


def _accounting(row: Job, cluster: Cluster) -> Accounting | None:
    """Return the scheduler's own figures, or None when it has none now."""
    try:
        return open_scheduler(cluster).accounting(row.name)
    except SchedulerError as error:
        _log.warning("job %s: no figures from the accounting: %s", row.id, error.detail)
        return None
