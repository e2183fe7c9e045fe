"""The local scheduler: a first-come, first-served queue on disk that fills the CPUs of this machine.

There is no daemon. Every call takes the lock, records the jobs that have ended and starts the jobs that
fit. A job runs in a session of its own and outlives the process that started it. Its state lies in its
attempt folder: its start (`started.json`), its end (`exit.json`), its cancellation (`cancelled`); the
spool holds only the queue. A crash right after a launch does no harm, because the script itself records
its start, and of two copies only one can.
"""

import os
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import SchedulerError
from gateway.schedulers import batch_script
from gateway.schedulers.base import Accounting, JobReport, JobSpec
from gateway.schedulers.local import processes
from gateway.schedulers.local.spool import Spool, SpoolEntry, write_atomically
from gateway.states import JobState

# Ended jobs stay in the queue for this long; afterwards `find` reads their folders.
FORGET_AFTER_S = 3600.0
# The next call kills a cancelled job that still runs after this long.
KILL_AFTER_S = 10.0
CANCELLED = "cancelled"
LAUNCH_LOG = "launch.log"

_LAUNCH_WAIT_S = 2.0
_LAUNCH_POLL_S = 0.002


class LocalScheduler:
    """Runs jobs on this machine. Several processes may use one spool at once."""

    def __init__(self, spool: Path, cpus: int) -> None:
        self._spool = Spool(spool)
        self._cpus = cpus

    def submit(self, spec: JobSpec) -> str:
        """Queue the job, or return the id that its name already has."""
        cpus = spec.ranks * spec.threads
        if cpus > self._cpus:
            raise SchedulerError(f"the job needs {cpus} CPUs at once and this machine offers {self._cpus}")
        script = batch_script.render(spec)
        with self._spool.lock():
            known = self._known_id(spec)
            if known is not None:
                return known
            spec.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(spec.folder / batch_script.SCRIPT, script)
            entry = self._spool.add(spec.name, spec.folder, cpus)
            self._advance()
        return str(entry.number)

    def find(self, name: str, folder: Path) -> JobReport | None:
        """Return the report of a job by name, from its folder after the queue has dropped it."""
        with self._spool.lock():
            number = self._spool.number_of(name)
            entry = None if number is None else self._spool.entry(number)
            if entry is not None:
                return self._report(self._record_end(entry))
        return self.recall(name, folder)

    def recall(self, name: str, folder: Path) -> JobReport | None:
        """Recover the report of a job that the queue has dropped from its folder."""
        start = batch_script.read_start(folder)
        return None if start is None else _report_started(name, folder, start)

    def jobs(self) -> dict[str, JobReport]:
        """Advance the queue and return the reports of all its jobs."""
        with self._spool.lock():
            return {entry.name: self._report(entry) for entry in self._advance()}

    def accounting(self, _name: str) -> Accounting | None:
        """Return None: this machine keeps no accounting, so only the ranks' own figures exist."""
        return None

    def cancel(self, scheduler_id: str) -> None:
        """End the job: at once if it waits, else by SIGTERM and later SIGKILL."""
        if not scheduler_id.isascii() or not scheduler_id.isdigit():
            return
        with self._spool.lock():
            entry = self._spool.entry(int(scheduler_id))
            if entry is None or self._record_end(entry).end is not None:
                return
            (entry.folder / CANCELLED).touch()
            start = batch_script.read_start(entry.folder)
            if start is not None:
                processes.terminate(start)
            self._advance()

    def partitions(self) -> list[PartitionFigures]:
        """Return this machine as one partition."""
        with self._spool.lock():
            entries = [entry for entry in self._advance() if entry.end is None]
        running = [entry for entry in entries if batch_script.read_start(entry.folder) is not None]
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

    def _known_id(self, spec: JobSpec) -> str | None:
        number = self._spool.number_of(spec.name)
        if number is not None:
            return str(number)
        start = batch_script.read_start(spec.folder)
        return None if start is None else start.scheduler_id

    def _advance(self) -> list[SpoolEntry]:
        """Record ends and start the jobs that fit, in strict order: no job overtakes a bigger one."""
        entries = [self._record_end(entry) for entry in self._drop_old_entries()]
        free = self._cpus - sum(entry.cpus for entry in entries if _is_running(entry))
        for entry in entries:
            if entry.end is not None or _is_running(entry):
                continue
            if entry.cpus > free or not _launch(entry):
                break
            free -= entry.cpus
        return entries

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
        end = _find_end(entry)
        if end is None:
            return entry
        ended = replace(entry, end=end, end_seen_at=time.time())
        self._spool.replace(ended)
        return ended

    def _report(self, entry: SpoolEntry) -> JobReport:
        if entry.end is not None:
            return entry.end
        start = batch_script.read_start(entry.folder)
        if start is not None:
            return _report_started(entry.name, entry.folder, start)
        reason = f"waiting for {entry.cpus} free of {self._cpus} CPUs; first come, first served"
        return JobReport(entry.name, str(entry.number), JobState.PENDING, reason=reason)


def _is_running(entry: SpoolEntry) -> bool:
    return entry.end is None and batch_script.read_start(entry.folder) is not None


def _find_end(entry: SpoolEntry) -> JobReport | None:
    """Return the report of an ended job, or None while it waits or runs; kill the processes it left."""
    if not (entry.folder / batch_script.SCRIPT).exists():
        reason = f"the job's folder {entry.folder} was removed"
        return JobReport(entry.name, str(entry.number), JobState.FAILED, reason=reason)
    if (entry.folder / CANCELLED).exists():
        _forbid_start(entry)
    start = batch_script.read_start(entry.folder)
    if start is None:
        return None
    if start.pid and (not processes.is_alive(start) or _is_overdue(entry.folder)):
        processes.kill_session(start)
    report = _report_started(entry.name, entry.folder, start)
    return None if report.state is JobState.RUNNING else report


def _is_overdue(folder: Path) -> bool:
    cancelled = folder / CANCELLED
    return cancelled.exists() and time.time() - cancelled.stat().st_mtime > KILL_AFTER_S


def _forbid_start(entry: SpoolEntry) -> None:
    """Write a start without a process, unless the script has written its own: a copy may be launching."""
    claim = batch_script.Start(
        pid=0, ticks=0, boot_id="", host="", scheduler_id=str(entry.number), started_at=datetime.now(UTC)
    )
    path = entry.folder / f"{batch_script.STARTED}.{CANCELLED}"
    path.write_text(claim.model_dump_json(), encoding="utf-8")
    try:
        os.link(path, entry.folder / batch_script.STARTED)
    except FileExistsError:
        pass
    finally:
        path.unlink()


def _report_started(name: str, folder: Path, start: batch_script.Start) -> JobReport:
    """Report on a started attempt, from its folder and its process."""
    cancelled = (folder / CANCELLED).exists()
    if start.pid == 0:
        return JobReport(
            name,
            start.scheduler_id,
            JobState.CANCELLED,
            reason="cancelled before it started",
            ended_at=start.started_at,
        )
    alive = processes.is_alive(start)
    end = None if alive else batch_script.read_exit(folder)
    state = JobState.RUNNING if alive else _end_state(end, cancelled=cancelled)
    return JobReport(
        name,
        start.scheduler_id,
        state,
        exit_code=None if end is None else end.exit_code,
        reason=_end_reason(state, end),
        started_at=start.started_at,
        ended_at=None if end is None else end.ended_at,
    )


def _end_state(end: batch_script.Exit | None, *, cancelled: bool) -> JobState:
    if end is not None and end.exit_code == 0:
        return JobState.SUCCEEDED
    if cancelled and (end is None or end.signal is not None):
        return JobState.CANCELLED
    return JobState.FAILED


def _end_reason(state: JobState, end: batch_script.Exit | None) -> str:
    if state in {JobState.RUNNING, JobState.SUCCEEDED}:
        return ""
    if state is JobState.CANCELLED:
        return "cancelled while it ran"
    if end is None:
        return "the job was killed from outside, or the machine restarted, before it could note its end"
    if end.signal is not None:
        return f"the job was ended from outside by signal {end.signal}"
    return f"the job ended with exit code {end.exit_code}"


def _launch(entry: SpoolEntry) -> bool:
    """Start the script in a session of its own and wait for its start; return False when there is none."""
    environment = {**batch_script.ENVIRONMENT, "HOME": str(Path.home()), "SLURM_JOB_ID": str(entry.number)}
    script = entry.folder / batch_script.SCRIPT
    try:
        with (entry.folder / LAUNCH_LOG).open("ab") as log:
            subprocess.run(
                ["/usr/bin/setsid", "--fork", "/bin/bash", "-p", str(script)],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
    except (OSError, subprocess.CalledProcessError):
        return False
    return _has_started(entry.folder)


def _has_started(folder: Path) -> bool:
    """Wait for the start file; without one the job stays in the queue and is launched again."""
    deadline = time.monotonic() + _LAUNCH_WAIT_S
    while time.monotonic() < deadline:
        if (folder / batch_script.STARTED).exists():
            return True
        time.sleep(_LAUNCH_POLL_S)
    return False
