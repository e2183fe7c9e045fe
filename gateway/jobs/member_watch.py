"""A look at the members of sweeps: reports of the one listing, and one recall for all that it leaves out."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.clusters.served import cluster_of
from gateway.errors import FilesystemError, GatewayError, SchedulerUnavailable
from gateway.jobs.member_reports import MemberReports, record_members
from gateway.jobs.member_runs import open_member, submitted_member
from gateway.jobs.run_folders import prevent_start_in
from gateway.jobs.watched_sweeps import WatchedMember, WatchedSweep, WatchedSweeps
from gateway.models import Job, JobMember
from gateway.schedulers.attempt_record import START_RECORD
from gateway.schedulers.base import FORGOTTEN, JobReport, Scheduler, SubmittedJob
from gateway.schedulers.batch_script import STARTED
from gateway.states import JobState, is_final

LOST = f"{FORGOTTEN} and it left no exit file: its end is not known"
UNSTARTED = "the scheduler has lost or dropped the member before it started; it is submitted again"
CANCELLED = "cancelled before it started"
Transaction = Callable[[], AbstractContextManager[Session]]
_log = logging.getLogger(__name__)


def look_at_sweeps(
    scheduler: Scheduler,
    watched: WatchedSweeps,
    listed: Mapping[str, JobReport],
    transaction: Transaction,
) -> bool:
    """Write the members' states in the listing to their rows; tell whether anything changed."""
    sweeps = list(watched.by_id.values())
    reports = {sweep.id: _find_reports(sweep, listed) for sweep in sweeps}
    shared = {sweep.id: _find_shared(sweep, listed, reports[sweep.id]) for sweep in sweeps}
    for sweep in sweeps:
        if sweep.cancel_requested:
            _cancel(scheduler, sweep, reports[sweep.id] | shared[sweep.id])
        reports[sweep.id] |= {
            n: each for n, each in shared[sweep.id].items() if _waits(sweep.members[n], each)
        }
    silent = [sweep for sweep in sweeps if sweep.members.keys() - reports[sweep.id].keys()]
    if silent:
        with transaction() as session:
            forgotten = _Forgotten(session, silent, reports)
        for sweep in silent:
            reports[sweep.id] |= forgotten.take_unstarted(sweep, shared[sweep.id])
        recalled = scheduler.recall(forgotten.submitted())
        for sweep in silent:
            reports[sweep.id] |= forgotten.judge(sweep, recalled)
    changed = [sweep for sweep in sweeps if _record(sweep, reports[sweep.id], transaction)]
    return bool(changed)


def _find_reports(sweep: WatchedSweep, listed: Mapping[str, JobReport]) -> MemberReports:
    """Return the members' own reports in the listing, by their numbers."""
    return {n: listed[member.name] for n, member in sweep.members.items() if member.name in listed}


def _find_shared(sweep: WatchedSweep, listed: Mapping[str, JobReport], own: MemberReports) -> MemberReports:
    """Return the reports that members without their own share with all that wait in their array."""
    return {
        number: replace(listed[member.array], name=member.name)
        for number, member in sweep.members.items()
        if number not in own and member.array in listed
    }


def _waits(member: WatchedMember, shared: JobReport) -> bool:
    """Tell whether a shared report tells enough: one that runs, or an end, is not that of all members.

    The scheduler may have forgotten the end of a member while others of its array wait.
    """
    return member.state is JobState.PENDING and not is_final(shared.state or JobState.PENDING)


def _cancel(scheduler: Scheduler, sweep: WatchedSweep, reports: MemberReports) -> None:
    """Cancel each array that has members left; a refusal costs no other job its report."""
    live = {
        (sweep.members[number].array, report.scheduler_id)
        for number, report in reports.items()
        if not is_final(report.state or JobState.RUNNING)
    }
    for array, scheduler_id in dict(sorted(live)).items():
        try:
            scheduler.cancel(array, scheduler_id)
        except SchedulerUnavailable:
            raise
        except GatewayError as error:
            _log.warning("job %s: not cancelled in this round: %s", sweep.id, error.detail)


class _Forgotten:
    """The members that the scheduler no longer lists, with the jobs that they are of."""

    def __init__(
        self, session: Session, sweeps: Sequence[WatchedSweep], reports: Mapping[UUID, MemberReports]
    ) -> None:
        self._members: dict[UUID, list[tuple[Job, JobMember]]] = {}
        for sweep in sweeps:
            job = session.get_one(Job, sweep.id)
            left = sweep.members.keys() - reports[sweep.id].keys()
            mine = select(JobMember).where(JobMember.job_id == sweep.id, JobMember.number.in_(left))
            self._members[sweep.id] = [(job, member) for member in session.scalars(mine)]

    def take_unstarted(self, sweep: WatchedSweep, shared: MemberReports) -> MemberReports:
        """Return the shared reports of the members that have not started, and forget these members."""
        asked = self._members[sweep.id]
        theirs = {m.number for job, m in asked if m.number in shared and not _has_started(job, m)}
        self._members[sweep.id] = [(job, member) for job, member in asked if member.number not in theirs]
        return {number: shared[number] for number in theirs}

    def submitted(self) -> list[SubmittedJob]:
        """Return all of them as the scheduler is asked about them, in one call."""
        return [submitted_member(job, member) for some in self._members.values() for job, member in some]

    def judge(self, sweep: WatchedSweep, recalled: Mapping[str, JobReport | None]) -> MemberReports:
        """Return the reports on the sweep's members; one on which to wait is missing."""
        return {
            member.number: _judge(job, member, recalled[member.name])
            for job, member in self._members[sweep.id]
            if member.name in recalled
        }


def _has_started(job: Job, member: JobMember) -> bool:
    """Tell whether the member has left a start; a folder that cannot be read proves nothing."""
    try:
        start = open_member(job, member, cluster_of(job)).control.read_json(START_RECORD, STARTED)
    except FilesystemError:
        return True
    return start is not None and not start.abandoned


def _judge(job: Job, member: JobMember, recalled: JobReport | None) -> JobReport:
    """Return the report on a forgotten member: a start can happen only once, so one without is repeated."""
    folder = open_member(job, member, cluster_of(job)).control
    is_lost = recalled is None or recalled.state is JobState.LOST
    if job.cancel_requested_at and is_lost and prevent_start_in(folder):
        return JobReport(member.name, member.scheduler_id, JobState.CANCELLED, reason=CANCELLED)
    if recalled is not None:
        return recalled
    if member.state is JobState.PENDING or folder.identity() is not None:
        return JobReport(member.name, "", JobState.RETRYING, reason=UNSTARTED)
    return JobReport(member.name, member.scheduler_id, JobState.LOST, reason=LOST)


def _record(sweep: WatchedSweep, reports: MemberReports, transaction: Transaction) -> bool:
    """Write the changes of one sweep in one transaction."""
    changes = {
        number: report for number, report in reports.items() if sweep.members[number].is_changed_by(report)
    }
    if not changes and sweep.members:
        return False
    with transaction() as session:
        if not record_members(session, sweep, changes):
            return False
    for number, report in changes.items():
        sweep.members[number].take(report)
        if is_final(report.state or JobState.RUNNING) or report.state is JobState.RETRYING:
            del sweep.members[number]
    return True
