"""The life of a job: draft, submit, cancel and finish, each in the transaction of the caller."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from gateway.callers import Caller
from gateway.clusters import catalog
from gateway.clusters.owner_roots import owner_roots
from gateway.db import utc_now
from gateway.errors import Conflict, Fault
from gateway.jobs import members
from gateway.jobs.attempts import PathCheck
from gateway.jobs.folders import OUTPUT, JobFolders
from gateway.jobs.params import parse_params
from gateway.jobs.resources import Granted, ResourceRequest, grant
from gateway.jobs.services import RESULT_FILES, check_services
from gateway.models import Job
from gateway.states import JOB_ENDS, JobState, State, is_final
from gateway.work.acceptance import Draft
from gateway.work.claims import Claim, lock_claimed, release_claim
from gateway.work.failures import finish_cancel
from gateway.work.statuses import missing
from gateway.work.transitions import move, note
from gateway.work.turns import enqueue

WATCH_PERIOD_S = 10.0
SHORTEST_WATCH_PERIOD_S = 1.0
_BAD_INPUT = 2
_FAULT_OF_STATE: dict[State, Fault] = {
    JobState.TIMEOUT: Fault.LIMIT,
    JobState.OUT_OF_MEMORY: Fault.LIMIT,
    JobState.NODE_FAILURE: Fault.NODE,
    JobState.LOST: Fault.LOST,
}


@dataclass(frozen=True)
class JobRequest:
    """A request to run services on an input of a cluster."""

    services: list[str]
    infrastructure: str
    params: dict[str, Any]
    watch_period: float = WATCH_PERIOD_S
    resources: ResourceRequest = field(default_factory=ResourceRequest)


def draft(session: Session, owner: str, request: JobRequest) -> Draft:
    """Return the checked row of a new job, or raise Invalid or NotFound."""
    cluster = catalog.get_cluster(session, request.infrastructure)
    check_services(request.services)
    params, warnings = parse_params(request.params, request.services, cluster)
    watch_period, raised = _watch_period(request.watch_period)
    roots = owner_roots(cluster, owner)
    folders = JobFolders.of(params, roots)
    PathCheck(session, owner, roots).check_job(folders, params)
    row = Job(
        owner=owner,
        infrastructure=cluster.name,
        services=" ".join(request.services),
        params=params,
        warnings=warnings + raised,
        resources=grant(request.resources, cluster, params["num_mpi_procs"], params["num_thread"]),
        watch_period=watch_period,
        data_folder=str(folders.data),
        control_root=str(cluster.control),
    )
    return Draft(row, cluster)


def _watch_period(asked: float) -> tuple[float, list[str]]:
    """Return the period and a warning where it is raised; 0 stands for the default."""
    period = asked or WATCH_PERIOD_S
    if period >= SHORTEST_WATCH_PERIOD_S:
        return period, []
    return SHORTEST_WATCH_PERIOD_S, [f"watch_period {period:g} was raised to {SHORTEST_WATCH_PERIOD_S:g} s"]


def get(session: Session, caller: Caller, row_id: UUID) -> Job:
    """Return the job, or raise NotFound: another owner's does not exist."""
    row = session.get(Job, row_id, options=[undefer(Job.watched_at)])
    if row is None or not caller.may_see(row.owner):
        raise missing("job", row_id)
    return row


def cancel(session: Session, row: Job, actor: str = "", why: str = "") -> None:
    """Cancel a job: at once before its submission, through the watcher after it."""
    if is_final(row.state):
        raise Conflict(f"the job has ended already: it is {row.state}")
    row.cancel_requested_at = utc_now()
    note(session, row, f"cancel requested: {why}" if why else "cancel requested", actor)
    if row.state in {JobState.ACCEPTED, JobState.RETRYING} and not members.are_submitted(session, row):
        finish_cancel(session, row)


def finish(
    session: Session,
    claim: Claim,
    state: JobState,
    reason: str,
    *,
    outputs: list[dict[str, Any]],
    usage: dict[str, Any],
    warnings: Sequence[str] = (),
    fault: Fault | None = None,
) -> None:
    """Make a job's end final and visible; the warnings join those of the row.

    The exit code tells the fault unless it is given.
    """
    row = lock_claimed(session, Job, claim)
    finding = row.finding or {}
    row.outputs = outputs
    row.usage = usage
    row.warnings = list(dict.fromkeys((*row.warnings, *warnings)))
    row.exit_code = finding.get("exit_code")
    row.finding = finding | {"state": state}
    move(session, row, state, reason)
    row.fault = fault or fault_of_job(state, row.exit_code)


def run_again(session: Session, claim: Claim, resources: Granted, reason: str) -> None:
    """Send the job to be run again with larger resources: a new run of the same attempt.

    The next number of the claim fences the worker that made the decision.
    """
    row = lock_claimed(session, Job, claim)
    move(session, row, JobState.RETRYING, reason)
    release_claim(row)
    row.claim += 1
    row.fault = Fault.LIMIT
    row.resources = resources
    row.growths += 1
    start_next_run(session, row)
    enqueue(session, row)


def start_next_run(session: Session, row: Job) -> None:
    """Forget the run that has ended: the job waits for its submission under the next number."""
    row.run = max(row.run + 1, row.attempt)
    row.control_root = str(catalog.get_cluster(session, row.infrastructure).control)
    row.output_identity = row.finding = None
    row.scheduler_id = ""
    row.submitted_at = row.started_at = row.heard_until = None
    row.queued_at = utc_now()


def fault_of_job(state: JobState, exit_code: int | None) -> Fault | None:
    """Return the class of a job's failure, or None for an end that is no failure."""
    if state is JobState.FAILED:
        return Fault.INPUT if exit_code == _BAD_INPUT else Fault.KERNEL
    return _FAULT_OF_STATE.get(state)


def failed_latest(session: Session, owner: str, infrastructure: str, path: PurePosixPath) -> Job | None:
    """Return the owner's latest ended job that publishes the path, if it failed."""
    for service, file in RESULT_FILES.items():
        folder = str(path.with_suffix("")).removesuffix(f"/{OUTPUT / PurePosixPath(file).with_suffix('')}")
        if folder != str(path.with_suffix("")):
            latest = session.scalar(
                select(Job)
                .where(Job.owner == owner, Job.infrastructure == infrastructure, Job.data_folder == folder)
                .where(Job.has_service(service), Job.state.in_(JOB_ENDS))
                .order_by(Job.ended_at.desc())
                .limit(1)
            )
            return latest if latest is not None and not latest.success else None
    return None
