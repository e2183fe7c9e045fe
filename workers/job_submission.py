"""The submission of the jobs of one message: each step is done for all of them before the next begins.

So the jobs share the transactions, and a call of the scheduler where it takes several jobs. A job whose claim
repeats another is first looked for in the scheduler by its name.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.served import cluster_of
from gateway.db import session_scope
from gateway.errors import Cancelled, ClaimLost, SchedulerError, SchedulerUnavailable
from gateway.filesystems.opening import open_control
from gateway.jobs import submissions
from gateway.jobs.folders import JobFolders
from gateway.jobs.placement import check_placement
from gateway.jobs.run_folders import create_run, open_run, take_start
from gateway.jobs.spec import prepare, submitted_job
from gateway.jobs.submissions import Run
from gateway.models import Job
from gateway.schedulers.base import JobSpec
from gateway.schedulers.opening import open_scheduler
from gateway.work import claims
from gateway.work.claims import Claim, claim_lost
from gateway.work.failures import ON_REQUEST
from workers.claim_context import claim_row
from workers.client_files import open_client_files
from workers.lease_keeper import LeaseKeeper
from workers.row_errors import RowErrors
from workers.sweep_submission import SweepSubmission

AT_ONCE = 32  # jobs whose submissions become visible together
RECORD_S = 1.0
_Result = TypeVar("_Result")
_Recorder = Callable[[Session, Mapping[Claim, _Result]], tuple[set[Claim], set[Claim]]]
_log = logging.getLogger(__name__)


def submit_jobs(worker: str, row_ids: Sequence[str]) -> None:
    """Claim the unclaimed jobs of the message and submit them; each succeeds or fails on its own.

    Raises
    ------
    SomeFailed
        When some jobs of a group have failed, for Flower to show; their rows have the reasons.
    """
    claimed = _claim(worker, row_ids)
    if not claimed:
        return
    errors = RowErrors(Job)
    with LeaseKeeper(Job, list(claimed)) as keeper:
        for claim, job in claimed.items():
            if job.member_count:
                with errors.recording(claim):
                    SweepSubmission(job, claim, keeper).run()
        rows = [(claim, job) for claim, job in claimed.items() if not job.member_count]
        for start in range(0, len(rows), AT_ONCE):
            _Submission(dict(rows[start : start + AT_ONCE]), keeper, errors).run()
    errors.raise_any(len(row_ids))


def _claim(worker: str, row_ids: Sequence[str]) -> dict[Claim, Job]:
    """Claim new jobs together; a job alone may also be one that an earlier claim has begun."""
    with session_scope() as session:
        claimed = submissions.claim_jobs(session, map(UUID, row_ids), worker)
    if claimed or len(row_ids) > 1:
        return dict(claimed)
    claim = claim_row(claims.take_submission, row_ids[0], worker)
    if claim is not None:
        with suppress(ClaimLost), session_scope() as session:
            return {claim: claims.lock_claimed(session, Job, claim)}
    return {}


class _Submission:
    """Claimed jobs of one cluster on the way to its scheduler, without those that have failed meanwhile."""

    def __init__(self, jobs: dict[Claim, Job], keeper: LeaseKeeper, errors: RowErrors) -> None:
        self._jobs, self._keeper, self._errors = jobs, keeper, errors

    def run(self) -> None:
        """Submit the jobs, or adopt those that an earlier claim of their runs has submitted."""
        found = {claim: number for claim, number in self._each(_find).items() if number}
        self._record_ids(found)
        runs = {claim: run for claim, run in self._each(_settle_run).items() if run is not None}
        self._record(lambda session, left: submissions.record_runs(session, self._jobs, left), runs)
        specs = self._each(_write_job_file)
        if specs:
            self._record_ids(self._submit(specs))

    def _each(self, act: Callable[[Job, Claim], _Result]) -> dict[Claim, _Result]:
        """Act on each job; drop a job that fails, or whose claim is lost."""
        done: dict[Claim, _Result] = {}
        for claim, job in self._jobs.items():
            with self._errors.recording(claim):
                self._keeper.check(claim)
                done[claim] = act(job, claim)
        self._drop(self._jobs.keys() - done.keys())
        return done

    def _submit(self, specs: Mapping[Claim, JobSpec]) -> dict[Claim, str]:
        """Submit the prepared jobs; return the scheduler's ids of those that it has taken."""
        results: Sequence[str | Exception]
        cluster = cluster_of(next(iter(self._jobs.values())))
        try:
            results = open_scheduler(cluster).submit_many(list(specs.values()))
        except Exception as error:  # noqa: BLE001  each row records it
            results = [error] * len(specs)
        return self._each(partial(_taken, dict(zip(specs, results, strict=True))))

    def _record_ids(self, ids: Mapping[Claim, str]) -> None:
        def record(session: Session, left: Mapping[Claim, str]) -> tuple[set[Claim], set[Claim]]:
            return submissions.record_submissions(session, left)

        self._record(record, ids)
        self._drop(ids.keys())

    def _record(self, record: _Recorder[_Result], values: Mapping[Claim, _Result]) -> None:
        """Record the values on their rows; drop the jobs whose claims are lost, and wait for locked rows."""
        left = set(values)
        while left:
            with self._keeper.rows_lock, session_scope() as session:
                held, locked = record(session, {claim: values[claim] for claim in left})
            for claim in left - held - locked:
                _log.warning("%s", claim_lost(claim).detail)
            self._drop(left - held - locked)
            left = locked
            if left:
                time.sleep(RECORD_S)

    def _drop(self, claims_: Collection[Claim]) -> None:
        for claim in list(claims_):
            self._jobs.pop(claim, None)
            self._keeper.release(claim)


def _find(job: Job, claim: Claim) -> str:
    """Return the id of the job in the scheduler that an earlier claim has submitted, else "".

    A job with a cancel request is adopted, for the watcher to cancel, but not submitted.
    """
    found = None
    if claim.repeated:
        found = open_scheduler(cluster_of(job)).find(submitted_job(job))
    if found is None and job.cancel_requested_at is not None:
        raise Cancelled(ON_REQUEST)
    return "" if found is None else found.scheduler_id


def _settle_run(job: Job, claim: Claim) -> Run | None:
    """Create the folders of the job's run, or return None: those that an earlier claim recorded are there.

    A run that is left may have been submitted although the scheduler does not know it yet, so first
    it is made unable to start.
    """
    cluster = cluster_of(job)
    check_placement(_folders(job, cluster), job.services.split(), open_client_files(cluster, job.owner))
    if open_run(job, cluster).are_intact(job):
        return None
    if claim.repeated and not take_start(job, cluster):
        raise SchedulerUnavailable("the job has started meanwhile: it is looked for again")
    number, identity = create_run(job, cluster)
    return Run(number, str(cluster.control), identity)


def _write_job_file(job: Job, _claim: Claim) -> JobSpec:
    cluster = cluster_of(job)
    prepared = prepare(job, cluster, _folders(job, cluster))
    open_control(cluster).write_text(prepared.job_file, prepared.job_json)
    return prepared.spec


def _taken(results: Mapping[Claim, str | Exception], job: Job, claim: Claim) -> str:
    """Return the scheduler's id, or raise its error."""
    result = results[claim]
    if isinstance(result, SchedulerError) and not result.transient and job.growths:
        raise SchedulerError(f"the scheduler takes no run with larger resources: {result.detail}")
    if isinstance(result, Exception):
        raise result
    return result


def _folders(job: Job, cluster: Cluster) -> JobFolders:
    return JobFolders.of(job.params, owner_roots(cluster, job.owner))
