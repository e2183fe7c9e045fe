"""Reports from the control folder: Slurm has forgotten the job, or its record says less than the folder."""

from dataclasses import replace
from pathlib import Path

from gateway.errors import FilesystemError, FilesystemUnavailable
from gateway.schedulers.arrays import member_folder, member_name
from gateway.schedulers.attempt_record import Start, read_exit, read_start
from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.schedulers.slurm.copies import CLOCKS
from gateway.schedulers.slurm.end_messages import read_told_end
from gateway.schedulers.slurm.ends import told_by_folder
from gateway.schedulers.slurm.records import SlurmJob
from gateway.schedulers.slurm.states import REQUEUED, STATE_REASONS
from gateway.states import JobState


def recover_report(name: str, folder: Path) -> JobReport | None:
    """Return the report of the attempt, or None when the folder has no start."""
    start = None
    try:
        start = read_start(folder)
        if start is None or start.abandoned:
            return None
        end = read_exit(folder)
    except FilesystemUnavailable:
        raise
    except FilesystemError as error:
        return _report_loss(name, start, f"Slurm no longer knows the job, and {error.detail}")
    if end is None:
        return _report_silent_end(name, start, folder)
    state, reason = told_by_folder(end, folder, start.scheduler_id)
    return JobReport(
        name,
        start.scheduler_id,
        state,
        exit_code=end.exit_code,
        reason=reason,
        started_at=end.started_at,
        ended_at=end.ended_at,
    )


def recover_array(job: SubmittedJob) -> JobReport | None:
    """Return the report of a member of the array that has started, or None when none has."""
    members = range(1, job.array_size + 1)
    found = (recover_report(member_name(job.name, k), member_folder(job.folder, k)) for k in members)
    return next((report for report in found if report is not None), None)


def _report_silent_end(name: str, start: Start, folder: Path) -> JobReport:
    """Report a job that left no exit file: by Slurm's messages, else as lost."""
    told = read_told_end(folder, start.scheduler_id)
    if told is None:
        return _report_loss(name, start, _lost_reason(start))
    return JobReport(name, start.scheduler_id, told.state, reason=told.reason, started_at=start.started_at)


def _report_loss(name: str, start: Start | None, reason: str) -> JobReport:
    if start is None:
        return JobReport(name, "", JobState.LOST, reason=reason)
    return JobReport(name, start.scheduler_id, JobState.LOST, reason=reason, started_at=start.started_at)


def _lost_reason(start: Start) -> str:
    return (
        f"Slurm no longer knows the job, and it left no exit file: it started on {start.host}"
        f" at {start.started_at:%Y-%m-%d %H:%M:%S} UTC and was killed, or its node failed; retry it"
    )


def report_beyond_record(job: SlurmJob, *, requeued: bool) -> JobReport | None:
    """Return the report on an unfinished job that its folder tells, or None where the record tells as much.

    COMPLETING may last minutes after the end of the ranks. REVOKED is a job that runs on another cluster of
    the federation. A job that is put back into the queue after its start has ended: a run starts only once.
    """
    if not requeued and job.state not in {"COMPLETING", "REVOKED"}:
        return None
    found = _recover_own(job)
    if job.state == "REVOKED":
        return _report_elsewhere(job, found)
    if found is None or (not requeued and (found.ended_at is None or _is_launched_again(job, found))):
        return None
    if found.state in {JobState.LOST, JobState.CANCELLED} and requeued:
        return replace(found, state=JobState.FAILED, reason=REQUEUED)
    return found


def _is_launched_again(job: SlurmJob, found: JobReport) -> bool:
    """Tell whether the record is of a launch after the run, which a restarted slurmctld had forgotten."""
    if job.start_at is None or found.started_at is None:
        return False
    return job.start_at > found.started_at + CLOCKS


def _recover_own(job: SlurmJob) -> JobReport | None:
    """Return the report from the folder if the job of this record has started there."""
    try:
        found = recover_report(job.name, job.folder)
    except FilesystemUnavailable:
        return None
    if found is None or found.scheduler_id != job.scheduler_id:
        return None
    return replace(found, limits=job.limits)


def _report_elsewhere(job: SlurmJob, found: JobReport | None) -> JobReport:
    if found is not None and found.ended_at is not None:
        return found
    state = JobState.PENDING if found is None else JobState.RUNNING
    started_at = None if found is None else found.started_at
    reason = STATE_REASONS[job.state]
    return JobReport(job.name, job.scheduler_id, state, reason=reason, started_at=started_at)
