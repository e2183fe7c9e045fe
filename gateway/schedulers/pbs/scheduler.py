"""The PBS scheduler: jobs by qsub, one qstat a look, and ends from PBS's history and the control folders.

PBS takes a name twice, and forgets ended jobs where it has no history. So a run is found again by its exact
name, and the control folder proves which of its copies has started.
"""

import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress

from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import (
    FilesystemError,
    FilesystemUnavailable,
    GatewayError,
    SchedulerError,
    SchedulerFull,
    SchedulerUnavailable,
)
from gateway.schedulers import batch_script
from gateway.schedulers.base import Accounting, JobReport, JobSpec, SubmittedJob, submit_one
from gateway.schedulers.pbs.arrays import id_of_start, own_id, report_array, whole_id
from gateway.schedulers.pbs.commands import Known, PbsCommands
from gateway.schedulers.pbs.errors import pbs_error
from gateway.schedulers.pbs.queues import queue_figures
from gateway.schedulers.pbs.records import PbsJob, sequence_number
from gateway.schedulers.pbs.reports import ENDED, STATES, record_of_run, report_ended, report_listed
from gateway.schedulers.pbs.starts import started_number
from gateway.schedulers.pbs.submission import qsub_options
from gateway.schedulers.periodic import Periodic
from gateway.schedulers.script_channel import Answer, JobSubmission, decode, encode, read_id, results
from gateway.states import JobState

_ID = re.compile(r"(\d{1,18}(?:\[\])?\.[A-Za-z0-9_.-]+)", re.ASCII)
HISTORY_PERIOD_S = 600.0
# A run that PBS has dropped may still be about to write its end.
SETTLES_S = 30.0
_log = logging.getLogger(__name__)


class PbsScheduler:
    """Submits jobs to PBS and lists those of its account in one call."""

    def __init__(self, commands: PbsCommands) -> None:
        self._commands = commands
        self._has_history = Periodic(commands.keeps_history, HISTORY_PERIOD_S)
        self._largest_array = Periodic(commands.largest_array, HISTORY_PERIOD_S)
        self._missed_since: dict[str, float] = {}

    def largest_array(self) -> int:
        """Return the most members of one array, by the server's max_array_size."""
        return self._largest_array.get()

    def submit(self, spec: JobSpec) -> str:
        """Submit the job. After a crash or a time-out call `find` first: PBS accepts a name twice."""
        return submit_one(self.submit_many, spec)

    def submit_many(self, specs: Sequence[JobSpec]) -> list[str | GatewayError]:
        """Submit the jobs by one command, without those that cannot be prepared."""
        prepared: dict[int, JobSubmission] = {}
        found: dict[int, str | GatewayError] = {}
        for place, spec in enumerate(specs):
            try:
                prepared[place] = JobSubmission(qsub_options(spec), batch_script.render(spec))
            except GatewayError as error:
                found[place] = error
        taken = self._submit([specs[place] for place in prepared], list(prepared.values()))
        found |= dict(zip(prepared, taken, strict=True))
        return [found[place] for place in range(len(specs))]

    def _submit(
        self, specs: Sequence[JobSpec], submissions: Sequence[JobSubmission]
    ) -> list[str | GatewayError]:
        def read(place: int, answer: Answer) -> str | GatewayError:
            return read_id("qsub", answer, _ID, lambda: self._refusal(answer, specs[place]))

        if not specs:
            return []
        try:
            printed = self._commands.submit(encode(submissions), len(specs))
        except SchedulerUnavailable as error:
            return [error] * len(specs)
        return results(decode(printed, len(specs)), read)

    def _refusal(self, answer: Answer, spec: JobSpec) -> GatewayError:
        """Return qsub's error; a limit is final where this account has no job whose end may make room."""
        error = pbs_error("qsub", answer.status, answer.text, spec)
        if isinstance(error, SchedulerFull) and not self._commands.unfinished_jobs():
            return SchedulerError(
                f"PBS refused: {answer.text} ({answer.status}), and no job of it has to end first"
            )
        return error

    def jobs(self) -> dict[str, JobReport]:
        """Return the reports of this account's unfinished jobs, and delete copies that cannot start."""
        by_name: dict[str, list[PbsJob]] = {}
        for job in self._commands.unfinished_jobs():
            by_name.setdefault(job.name, []).append(job)
        chosen = (self._choose(copies) for copies in by_name.values())
        return {job.name: report_listed(job) for job in chosen if job is not None}

    def _choose(self, copies: Sequence[PbsJob]) -> PbsJob | None:
        """Return the copy that has started or is the first to start; a waiting one beside it is deleted."""
        if len(copies) == 1:
            return copies[0]
        started = started_number(copies[0].folder)
        if not started:
            return min(copies, key=lambda copy: int(copy.number or 0))
        for copy in copies:
            if copy.number != started and STATES.get(copy.state) is JobState.PENDING:
                self._commands.delete(copy.id)
        return next((copy for copy in copies if copy.number == started), None)

    def find(self, job: SubmittedJob) -> JobReport | None:
        """Return the report of the job of exactly this name, or None for one that has not started."""
        ids = dict.fromkeys(self._commands.find_ids(job.name, with_ended=False))
        if self._has_history.get():
            ids |= dict.fromkeys(self._commands.find_ids(job.name, with_ended=True))
        copies = self._known(list(ids)).jobs
        if job.array_size > 1:
            return report_array(job, copies)
        return report_ended(job, record_of_run(job, copies), is_gone=True)

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        """Recover the reports of jobs that are not among the unfinished ones."""
        asked = {job.name: self._id_to_ask(job) for job in jobs}
        known = self._known(list(filter(None, asked.values())))
        found: dict[str, JobReport | None] = {}
        for job in jobs:
            with suppress(LookupError):
                found[job.name] = self._recall(job, asked[job.name], known)
        return found

    def _id_to_ask(self, job: SubmittedJob) -> str:
        """Return the id of the copy that has started, or that of the row; "" where there is none."""
        started = started_number(job.folder)
        asked = own_id(job)
        if started and started != sequence_number(asked):
            return id_of_start(started)
        return asked if sequence_number(asked) else ""

    def _known(self, ids: Sequence[str]) -> Known:
        return self._commands.known_jobs(ids, with_ended=self._has_history.get())

    def _recall(self, job: SubmittedJob, asked: str, known: Known) -> JobReport | None:
        """Return the report on the job; raise LookupError where none can be given now."""
        if not asked:
            return self.find(job)
        is_gone = sequence_number(asked) in known.unknown
        try:
            record = record_of_run(job, known.jobs)
            report = report_ended(job, record, is_gone=is_gone)
        except FilesystemUnavailable as error:
            _log.warning("%s: no report in this round: %s", job.name, error.detail)
            raise LookupError from error
        except FilesystemError as error:
            reason = f"PBS no longer knows the job, and {error.detail}"
            return JobReport(job.name, job.scheduler_id, JobState.LOST, reason=reason)
        if record is None and not is_gone and (report is None or report.ended_at is None):
            raise LookupError  # an answer without the job is no proof
        return self._settled(report, job.name)

    def _settled(self, report: JobReport | None, name: str) -> JobReport | None:
        """Return the report; a loss has to last, as a run that PBS has dropped may yet write its end."""
        if report is None or report.state is not JobState.LOST:
            self._missed_since.pop(name, None)
            return report
        if time.monotonic() - self._missed_since.setdefault(name, time.monotonic()) < SETTLES_S:
            raise LookupError
        return report

    def accounting(self, _job: SubmittedJob) -> dict[str, Accounting]:
        """Return nothing: the ranks' own figures are more exact than those of PBS."""
        return {}

    def cancel(self, name: str, scheduler_id: str) -> None:
        """End the job: SIGTERM, then SIGKILL after PBS's kill_delay; an unknown or ended job is no error."""
        whole = whole_id(scheduler_id)
        if not sequence_number(whole):
            return
        found = self._commands.known_jobs([whole], with_ended=False).jobs
        if any(job.name == name and job.state not in ENDED for job in found):
            self._commands.delete(whole)

    def partitions(self) -> list[PartitionFigures]:
        """Return the live figures of every queue."""
        return queue_figures(self._commands.queues(), self._commands.nodes())

    def check(self) -> None:
        """Raise SchedulerUnavailable unless the server answers."""
        self._commands.queues()

    def keeps_history(self) -> bool:
        """Tell whether the server keeps ended jobs; without, the control folders alone tell their ends."""
        return self._has_history.get()
