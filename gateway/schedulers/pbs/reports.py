"""Reports from PBS's job records and control folders: one table translates the states."""

import logging
from collections.abc import Iterable
from pathlib import Path

from gateway.schedulers.attempt_record import Exit, Start, read_exit, read_start
from gateway.schedulers.base import JobReport, RunLimits, SubmittedJob
from gateway.schedulers.pbs.ends import PbsEnd, end_by_folder, end_by_record
from gateway.schedulers.pbs.kill_message import read_kill
from gateway.schedulers.pbs.pending import waiting_reason
from gateway.schedulers.pbs.records import PbsJob
from gateway.schedulers.pbs.starts import started_number
from gateway.states import JobState

STATES = {
    "Q": JobState.PENDING,
    "H": JobState.PENDING,
    "W": JobState.PENDING,
    "T": JobState.PENDING,
    "M": JobState.PENDING,
    "R": JobState.RUNNING,
    "B": JobState.RUNNING,
    "E": JobState.RUNNING,
    "S": JobState.RUNNING,
    "U": JobState.RUNNING,
}
ENDED = frozenset({"F", "X"})
_REASONS = {
    "M": "PBS has moved the job to another server",
    "S": "the job is suspended for now, by an operator or for a job of higher priority",
    "U": "the job is suspended while a person works at its machine",
}
_log = logging.getLogger(__name__)


def report_unfinished(job: PbsJob) -> JobReport:
    """Translate a job that PBS lists as waiting or running."""
    state = STATES.get(job.state)
    if state is None:
        _log.warning("%s (%s): PBS's state %r is not in the table", job.id, job.name, job.state)
        reason = f"PBS says {job.state!r} ({job.comment}), which this gateway does not know"
        return JobReport(job.name, job.id, None, reason=reason)
    if job.is_array and state is JobState.RUNNING:  # of the members that have no report of their own
        return JobReport(job.name, job.id, JobState.PENDING, reason="waiting: other members are ahead")
    if state is JobState.PENDING:
        return JobReport(job.name, job.id, state, reason=_REASONS.get(job.state) or waiting_reason(job))
    return JobReport(job.name, job.id, state, reason=_REASONS.get(job.state, ""), started_at=job.start_at)


def report_listed(job: PbsJob) -> JobReport:
    """Report on a job of the listing, in which a member that has ended stays while its array lasts."""
    if job.state not in ENDED:
        return report_unfinished(job)
    return _report_record(job, read_start(job.folder), read_exit(job.folder))


def record_of_run(job: SubmittedJob, copies: Iterable[PbsJob]) -> PbsJob | None:
    """Return the record of the run: of the copy that has started, else one that waits, else the first."""
    own = [copy for copy in copies if copy.name == job.name]
    started = started_number(job.folder)
    if started:
        return next((copy for copy in own if copy.number == started), None)
    return min(own, key=lambda copy: (copy.state in ENDED, int(copy.number or 0)), default=None)


def report_ended(job: SubmittedJob, record: PbsJob | None, *, is_gone: bool) -> JobReport | None:
    """Report on a job that PBS does not list among the unfinished ones.

    Without a record and without a start there is no report. `is_gone` tells that PBS does not know the job;
    else the run may go on, and a run that left no end is not lost.
    """
    start, end = read_start(job.folder), read_exit(job.folder)
    if record is not None:
        return _report_record(record, start, end)
    if start is None or start.abandoned:
        return None
    if end is not None:
        return _report(job, start, end, _as_told(end_by_folder(end), job.name, job.folder))
    if is_gone:
        lost = PbsEnd(JobState.LOST, None, _lost(start))
        return _report(job, start, end, _as_told(lost, job.name, job.folder))
    return JobReport(job.name, job.scheduler_id, JobState.RUNNING, started_at=start.started_at)


def _as_told(end: PbsEnd, name: str, folder: Path) -> PbsEnd:
    """Return the end with the cause that PBS's message about a kill tells, if there is one."""
    kill = None if end.state is JobState.SUCCEEDED else read_kill(name, folder)
    return end if kill is None else end._replace(state=kill.state, reason=kill.reason)


def _report(job: SubmittedJob, start: Start, end: Exit | None, told: PbsEnd) -> JobReport:
    return JobReport(
        job.name,
        job.scheduler_id or start.scheduler_id,
        told.state,
        exit_code=told.exit_code,
        reason=told.reason,
        started_at=start.started_at,
        ended_at=None if end is None else end.ended_at,
    )


def _report_record(record: PbsJob, start: Start | None, end: Exit | None) -> JobReport:
    if record.state not in ENDED:
        return report_unfinished(record)
    told = _as_told(end_by_record(record, end), record.name, record.folder)
    started_at = start.started_at if start is not None and start.pid else record.start_at
    return JobReport(
        record.name,
        record.id,
        told.state,
        exit_code=told.exit_code,
        reason=told.reason,
        started_at=started_at,
        ended_at=record.end_at if end is None else end.ended_at,
        limits=RunLimits(time_limit_s=record.time_limit_s),
    )


def _lost(start: Start) -> str:
    return (
        f"PBS no longer knows the job, and it left no exit file: it started on {start.host}"
        f" at {start.started_at:%Y-%m-%d %H:%M:%S} UTC and was killed, or its node failed; retry it"
    )
