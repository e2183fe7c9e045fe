"""The local scheduler: a first-come, first-served queue on disk that fills the CPUs of this machine.

There is no daemon. Every call takes the lock, records the jobs that have ended and starts the jobs that
fit. A job runs in a session of its own and outlives the process that started it. Its state lies in its
control folder: its start (`started.json`), its end (`exit.json`), its cancellation (`cancelled`); the
spool holds only the queue. A crash right after a launch does no harm, because the script itself records
its start, and of two copies only one can.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import (
    FilesystemError,
    FilesystemUnavailable,
    GatewayError,
    SchedulerError,
    SchedulerUnavailable,
)
from gateway.schedulers import batch_script
from gateway.schedulers.arrays import array_id
from gateway.schedulers.attempt_record import forbid_start, read_start
from gateway.schedulers.base import (
    FORGOTTEN,
    Accounting,
    JobReport,
    JobSpec,
    SubmittedJob,
    submit_each,
    submit_one,
)
from gateway.schedulers.local import processes
from gateway.schedulers.local.arrays import add_array, members_of, named_entries, submitted_members
from gateway.schedulers.local.attempt import failed, find_end, is_running, mark_cancelled, report_started
from gateway.schedulers.local.launch import launch
from gateway.schedulers.local.spool import Spool, SpoolEntry, write_atomically
from gateway.states import JobState

# Ended jobs stay in the queue for this long; afterwards `find` reads their folders.
FORGET_AFTER_S = 3600.0
# A job that was launched so often without a start has failed; meanwhile it keeps its CPUs and its place.
LAUNCHES = 10
LARGEST_ARRAY = 1000
_log = logging.getLogger(__name__)


class LocalScheduler:
    """Runs jobs on this machine. Several processes may use one spool at once."""

    def __init__(self, spool: Path, cpus: int) -> None:
        self._spool = Spool(spool)
        self._cpus = cpus

    def largest_array(self) -> int:
        """Return the bound of an array, which keeps the queue short enough to be read at each call."""
        return LARGEST_ARRAY

    def submit(self, spec: JobSpec) -> str:
        """Queue the job or array, or return the id that its name already has."""
        return submit_one(self.submit_many, spec)

    def submit_many(self, specs: Sequence[JobSpec]) -> list[str | GatewayError]:
        """Queue the jobs under one lock, and start those that fit."""
        with self._spool.lock():
            results = submit_each(partial(self._add, self._spool.numbers()), specs)
            self._advance()
        return results

    def _add(self, numbers: Mapping[str, int], spec: JobSpec) -> str:
        """Add the job to the queue, unless a job of its name is among the numbers or has started."""
        cpus = spec.ranks * spec.threads
        if cpus > self._cpus:
            raise SchedulerError(f"the job needs {cpus} CPUs at once and this machine offers {self._cpus}")
        if spec.is_array:
            return add_array(self._spool, numbers, spec)
        script = batch_script.render(spec)
        known = numbers.get(spec.name)
        if known is not None:
            return str(known)
        start = read_start(spec.folder)
        if start is not None:
            return start.scheduler_id
        spec.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(spec.folder / batch_script.SCRIPT, script)
        return str(self._spool.add(spec.name, spec.folder, cpus).number)

    def find(self, job: SubmittedJob) -> JobReport | None:
        """Return the report of a job by name, from its folder after the queue has dropped it."""
        with self._spool.lock():
            names = members_of(job.name, job.array_size)
            number = next(filter(None, map(self._spool.numbers().get, names)), None)
            entry = None if number is None else self._spool.entry(number)
            if entry is not None:
                return self._report(self._record_end(entry))
        return next(filter(None, map(_recover, submitted_members(job))), None)

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        """Recover the reports of jobs that the queue has dropped from their folders."""
        found: dict[str, JobReport | None] = {}
        for job in jobs:
            try:
                found[job.name] = _recover(job)
            except FilesystemUnavailable as error:
                _log.warning("%s: no report in this round: %s", job.name, error.detail)
            except FilesystemError as error:
                reason = f"{FORGOTTEN}, and {error.detail}"
                found[job.name] = JobReport(job.name, job.scheduler_id, JobState.LOST, reason=reason)
        return found

    def jobs(self) -> dict[str, JobReport]:
        """Advance the queue and return the reports of all its jobs whose folders can be read now."""
        reports: dict[str, JobReport] = {}
        with self._spool.lock():
            for entry in self._advance():
                with suppress(FilesystemError):  # the next call judges it
                    reports[entry.name] = self._report(entry)
        return reports

    def accounting(self, _job: SubmittedJob) -> dict[str, Accounting]:
        """Return nothing: this machine keeps no accounting, so only the ranks' own figures exist."""
        return {}

    def cancel(self, name: str, scheduler_id: str) -> None:
        """End the job: at once if it waits, else by SIGTERM and later SIGKILL."""
        number = array_id(scheduler_id)
        if not number.isascii() or not number.isdigit():
            return
        with self._spool.lock():
            for entry in named_entries(self._spool, name, int(number)):
                if self._record_end(entry).end is None:
                    _end(entry)
            self._advance()

    def check(self) -> None:
        """Advance the queue, which fails when its files cannot be read or written."""
        with self._spool.lock():
            self._advance()

    def partitions(self) -> list[PartitionFigures]:
        """Return this machine as one partition."""
        with self._spool.lock():
            entries = [entry for entry in self._advance() if entry.end is None]
        running = [entry for entry in entries if is_running(entry)]
        return [
            PartitionFigures(
                name="local",
                total_nodes=1,
                avail_nodes=1,
                total_cpus=self._cpus,
                avail_cpus=max(0, self._cpus - sum(entry.cpus for entry in running)),
                running_jobs=len(running),
                queued_jobs=len(entries) - len(running),
            )
        ]

    def _advance(self) -> list[SpoolEntry]:
        """Record ends and start the jobs that fit, in strict order: no job overtakes a bigger one."""
        entries = [self._record_end(entry) for entry in self._drop_old_entries()]
        free = self._cpus - sum(entry.cpus for entry in entries if is_running(entry))
        with suppress(SchedulerUnavailable):
            for index, entry in enumerate(entries):
                if entry.end is None and not is_running(entry):
                    if entry.cpus > free:
                        break
                    entries[index] = self._start(entry)
                    free -= entry.cpus
        return entries

    def _start(self, entry: SpoolEntry) -> SpoolEntry:
        """Launch the job, and end one that did not start again and again, so that it holds up no other."""
        reason = launch(entry)
        if not reason:
            return entry
        tried = replace(entry, launches=entry.launches + 1)
        if tried.launches >= LAUNCHES and _can_never_start(entry):
            tried = replace(tried, end=failed(entry, reason), end_seen_at=time.time())
        self._spool.replace(tried)
        return tried

    def _drop_old_entries(self) -> list[SpoolEntry]:
        """Remove the jobs that ended long ago and return the others."""
        entries = self._spool.entries()
        now = time.time()
        old = [e for e in entries if e.end is not None and now - e.end_seen_at > FORGET_AFTER_S]
        for entry in old:
            self._spool.remove(entry)
        return [entry for entry in entries if entry not in old]

    def _record_end(self, entry: SpoolEntry) -> SpoolEntry:
        """Store the job's end if it has ended, and return the entry."""
        if entry.end is not None:
            return entry
        end = find_end(entry)
        if end is None:
            return entry
        ended = replace(entry, end=end, end_seen_at=time.time())
        self._spool.replace(ended)
        return ended

    def _report(self, entry: SpoolEntry) -> JobReport:
        if entry.end is not None:
            return entry.end
        start = read_start(entry.folder)
        if start is not None:
            return report_started(entry.name, entry.folder, start)
        reason = f"waiting for {entry.cpus} free of {self._cpus} CPUs; first come, first served"
        return JobReport(entry.name, entry.scheduler_id, JobState.PENDING, reason=reason)


def _end(entry: SpoolEntry) -> None:
    mark_cancelled(entry.folder)
    start = read_start(entry.folder)
    if start is not None:
        processes.terminate(start)


def _recover(job: SubmittedJob) -> JobReport | None:
    start = read_start(job.folder)
    return None if start is None or start.abandoned else report_started(job.name, job.folder, start)


def _can_never_start(entry: SpoolEntry) -> bool:
    """Take the place of the start; where that cannot be written, the script cannot write it either."""
    try:
        return forbid_start(entry.folder, entry.scheduler_id)
    except FilesystemError:
        return True
