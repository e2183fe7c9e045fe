"""The judgement of jobs that Slurm does not list: by their control folders, then by the accounting.

slurmctld forgets a job some minutes after its end. One that was killed also forgets jobs that it had accepted
a moment before; when it is back it ends those of them that run. The accounting shows a forgotten job as
waiting or running for ever, so that only final states count there.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gateway.errors import FilesystemUnavailable, SchedulerError
from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.schedulers.slurm.recovery import recover_report
from gateway.schedulers.slurm.states import ENDED_BY_SLURM, MADE_ROOM, REQUEUED
from gateway.states import JobState, is_final

# A job that slurmctld has lost may run on until its node reports it, and then leave its end.
ORPHAN_S = 30.0
# Jobs wait so long for an accounting that does not answer; then their folders alone decide.
ACCOUNTING_S = 3600.0
_REMEMBERED_S = 2 * ACCOUNTING_S  # no question about an absent job takes longer
# A question to an accounting that hangs stops this process for 90 s: the pause is a multiple of that time.
_LEAST_PAUSE_S, _PAUSE_FACTOR = 30.0, 10.0
_SIGNALLED = 128  # a shell adds the signal's number to it
_log = logging.getLogger(__name__)

AskAccounting = Callable[[Sequence[SubmittedJob]], dict[str, JobReport]]


class ForgottenJobs:
    """The forgotten jobs of a cluster, from their first absence to the report that ends the question."""

    def __init__(self, ask: AskAccounting, min_job_age_s: Callable[[], int]) -> None:
        self._ask, self._min_job_age_s = ask, min_job_age_s
        self._missed_since: dict[str, float] = {}
        self._next_question = 0.0

    def judge(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        """Return a report, or None for a job that has not started; a job on which to wait is missing."""
        recovered = dict(_recover(jobs))
        doubtful = [job for job in jobs if job.name in recovered and _is_doubtful(recovered[job.name])]
        self._note_absences(doubtful)
        final = self._ask_accounting([_with_started_id(job, recovered[job.name]) for job in doubtful])
        for job in doubtful:
            if final is not None and job.name in final:
                recovered[job.name] = final[job.name]
            elif self._has_to_wait(job, recovered[job.name], accounting_answers=final is not None):
                del recovered[job.name]
            else:
                recovered[job.name] = _doubt_signal(recovered[job.name], self._min_job_age_s())
        return recovered

    def note_listed(self, names: Iterable[str]) -> None:
        """Note that Slurm lists these jobs: a later absence is counted anew."""
        for name in names:
            self._missed_since.pop(name, None)

    def _note_absences(self, jobs: Iterable[SubmittedJob]) -> None:
        """Note since when Slurm does not list the jobs; one call may be about a part of them alone."""
        now = time.monotonic()
        kept = {name: since for name, since in self._missed_since.items() if now - since < _REMEMBERED_S}
        self._missed_since = {job.name: now for job in jobs} | kept

    def find(self, job: SubmittedJob) -> JobReport | None:
        """Return the report of one job at once, or None for one that has not started and may be submitted."""
        report = recover_report(job.name, job.folder)
        if report is None:
            try:
                report = self._final(self._ask([job])).get(job.name)
            except SchedulerError as error:
                _log.warning("%s: submitted again without the accounting: %s", job.name, error.detail)
        return report

    def _ask_accounting(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport] | None:
        """Return the final reports, or None when the accounting gives no answer now."""
        if not jobs:
            return {}
        began = time.monotonic()
        if began < self._next_question:
            return None
        try:
            return self._final(self._ask(jobs))
        except SchedulerError as error:
            _log.warning("%d jobs wait for the accounting: %s", len(jobs), error.detail)
            now = time.monotonic()
            self._next_question = now + max(_LEAST_PAUSE_S, _PAUSE_FACTOR * (now - began))
            return None

    @staticmethod
    def _final(reports: dict[str, JobReport]) -> dict[str, JobReport]:
        return {name: report for name, report in reports.items() if report.state and is_final(report.state)}

    def _has_to_wait(
        self, job: SubmittedJob, recovered: JobReport | None, *, accounting_answers: bool
    ) -> bool:
        waited = time.monotonic() - self._missed_since[job.name]
        if not accounting_answers and waited < ACCOUNTING_S:
            return True
        return recovered is not None and recovered.state is JobState.LOST and waited < ORPHAN_S


def _recover(jobs: Iterable[SubmittedJob]) -> Iterable[tuple[str, JobReport | None]]:
    """Yield the reports of the folders that can be read now."""
    for job in jobs:
        try:
            yield job.name, recover_report(job.name, job.folder)
        except FilesystemUnavailable as error:
            _log.warning("%s: no report in this round: %s", job.name, error.detail)


def _is_doubtful(recovered: JobReport | None) -> bool:
    """Tell whether the folder alone does not tell how the job ended."""
    return recovered is None or recovered.state is JobState.LOST or _was_signalled(recovered)


def _was_signalled(recovered: JobReport) -> bool:
    """Tell whether a signal has ended the run or one of its ranks: of a person, of Slurm or of the system."""
    killed = recovered.state is JobState.FAILED and (recovered.exit_code or 0) > _SIGNALLED
    if recovered.reason in {MADE_ROOM, REQUEUED}:  # Slurm's messages name the cause
        return False
    return killed or recovered.state is JobState.CANCELLED


def _with_started_id(job: SubmittedJob, recovered: JobReport | None) -> SubmittedJob:
    """Return the job with the id of its copy that started."""
    return replace(job, scheduler_id=recovered.scheduler_id) if recovered and recovered.scheduler_id else job


def _doubt_signal(recovered: JobReport | None, min_job_age_s: int) -> JobReport | None:
    """Return a loss for a run that a signal has ended so lately that Slurm would still list a cancelled job.

    A `min_job_age_s` of 0 stands for a slurmctld that forgets no job.
    """
    if recovered is None or not _was_signalled(recovered) or recovered.ended_at is None:
        return recovered
    if 0 < min_job_age_s < (datetime.now(UTC) - recovered.ended_at).total_seconds():
        return recovered
    return replace(recovered, state=JobState.LOST, reason=ENDED_BY_SLURM)
