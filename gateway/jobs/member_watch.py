"""A look at the members of sweeps: reports of the one listing, and one recall for all that it leaves out."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.clusters.served import cluster_of
from gateway.errors import GatewayError, SchedulerUnavailable
from gateway.jobs.member_reports import MemberReports, record_members
from gateway.jobs.member_runs import open_member, submitted_member
from gateway.jobs.run_folders import prevent_start_in
from gateway.jobs.watched_sweeps import WatchedSweep, WatchedSweeps
from gateway.models import Job, JobMember
from gateway.schedulers.base import FORGOTTEN, JobReport, Scheduler, SubmittedJob
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
    for sweep in sweeps:
        if sweep.cancel_requested:
            _cancel(scheduler, sweep, reports[sweep.id])
    silent = [sweep for sweep in sweeps if sweep.members.keys() - reports[sweep.id].keys()]
    if silent:
        with transaction() as session:
            forgotten = _Forgotten(session, silent, reports)
        recalled = scheduler.recall(forgotten.submitted())
        for sweep in silent:
            reports[sweep.id] |= forgotten.judge(sweep, recalled)
    changed = [sweep for sweep in sweeps if _record(sweep, reports[sweep.id], transaction)]
    return bool(changed)


def _find_reports(sweep: WatchedSweep, listed: Mapping[str, JobReport]) -> MemberReports:
    """Return the listed reports by the numbers of the members; members that wait may share their array's."""
    found: MemberReports = {}
    for number, member in sweep.members.items():
        report = listed.get(member.name)
        if report is None and (shared := listed.get(member.array)) is not None:
            report = replace(shared, name=member.name)
        if report is not None:
            found[number] = report
    return found


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
