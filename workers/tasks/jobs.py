"""The tasks of a job: its submission, and its end. What lies between is the watcher's."""

import logging

from gateway import claims, infrastructures, jobs
from gateway.claims import Claim
from gateway.configuration import Cluster
from gateway.db import session_scope
from gateway.endings import ending
from gateway.errors import Cancelled, SchedulerError
from gateway.models import Job
from gateway.outbox import ON_REQUEST
from gateway.programs import attempt_folder, program
from gateway.queue import app
from gateway.schedulers.base import Accounting
from gateway.schedulers.opening import open_scheduler
from gateway.sites.local import LocalSite
from gateway.sites.opening import open_site
from gateway.states import JobState
from gateway.usage import usage
from workers.claiming import GivenUp, claimed
from workers.keeper import Keeper
from workers.settling import settling
from workers.tasks import LOST_WORKER

_log = logging.getLogger(__name__)


@app.task(name="jobs.submit", bind=True, throws=(GivenUp,), **LOST_WORKER)
def submit(self: "app.Task", job_id: str) -> None:
    """Hand a job to its scheduler, exactly once."""
    claim = claimed(claims.take_submission, job_id, str(self.request.hostname))
    if claim is None:
        return
    with settling(Job, claim), Keeper(Job, [claim]):
        with session_scope() as session:
            row = claims.owned(session, Job, claim)
        cluster = infrastructures.configured()[row.infrastructure]
        scheduler_id = _submit(row, cluster, open_site(cluster, row.owner), claim)
        with session_scope() as session:
            jobs.record_submission(session, claim, scheduler_id)


def _submit(row: Job, cluster: Cluster, site: LocalSite, claim: Claim) -> str:
    """Submit, or adopt what an earlier claim of this attempt has submitted before it died.

    A job that is to be cancelled is adopted as well, for the watcher to cancel, but not submitted.
    """
    prepared, scheduler = program(row, cluster), open_scheduler(cluster)
    if claim.repeated:
        found = scheduler.find(prepared.spec.name, prepared.spec.folder)
        if found is not None:
            return found.scheduler_id
    if row.cancel_requested_at is not None:
        raise Cancelled(ON_REQUEST)
    site.make_folder(prepared.job_file.parent)
    site.write_text(prepared.job_file, prepared.job_json)
    return scheduler.submit(prepared.spec)


@app.task(name="jobs.finish", bind=True, throws=(SchedulerError, GivenUp), **LOST_WORKER)
def finish(self: "app.Task", job_id: str) -> None:
    """Make a job's end final and visible. It fails when the job failed, so that Flower tells the truth."""
    claim = claimed(claims.take_ending, job_id, str(self.request.hostname))
    if claim is None:
        return
    with settling(Job, claim), Keeper(Job, [claim]):
        with session_scope() as session:
            row = claims.owned(session, Job, claim)
        cluster = infrastructures.configured()[row.infrastructure]
        site = open_site(cluster, row.owner)
        state, reason, outputs = ending(row, cluster, site)
        used = usage(row, attempt_folder(row), site, _accounting(row, cluster))
        with session_scope() as session:
            jobs.finish(session, claim, state, reason, outputs=outputs, usage=used)
    if state is not JobState.SUCCEEDED:
        raise SchedulerError(f"{state}: {reason}")


def _accounting(row: Job, cluster: Cluster) -> Accounting | None:
    """Ask the scheduler for its own figures; an end does not wait for them."""
    try:
        return open_scheduler(cluster).accounting(row.name)
    except SchedulerError as error:
        _log.warning("job %s: no figures from the accounting: %s", row.id, error.detail)
        return None
