"""A scheduler for this machine: a first-come queue on disk, as many ranks times threads at once as CPUs.

There is no daemon. Whoever calls takes the lock, looks what has ended and starts what fits. A job runs in
a session of its own and outlives whoever started it. Everything about it is in its attempt folder: who
started it (`started.json`), how it ended (`exit.json`), that it was cancelled (`cancelled`); the spool
holds only the queue. A crash between launching a script and noting it does no harm, because the script
itself notes its start, and of two copies only one can.
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

# Ended jobs stay in the queue's list for so long; `find` knows them from their folders ever after.
FORGET_AFTER_S = 3600.0
# A cancelled job that is still there after so long is killed at the next call.
KILL_AFTER_S = 10.0
CANCELLED = "cancelled"
LAUNCH_LOG = "launch.log"

_LAUNCH_WAIT_S = 2.0
_LAUNCH_POLL_S = 0.002


class LocalScheduler:
    """Runs jobs on this machine. Any number of processes may use one spool at once."""

    def __init__(self, spool: Path, cpus: int) -> None:
        self._spool = Spool(spool)
        self._cpus = cpus

    def submit(self, spec: JobSpec) -> str:
        """Queue the job, or return the id that its name already has."""
        cpus = spec.ranks * spec.threads
        if cpus > self._cpus:
            raise SchedulerError(f"the job needs {cpus} CPUs at once and this machine offers {self._cpus}")
        script = batch_script.render(spec)
        with self._spool.locked():
            known = self._known(spec)
            if known is not None:
                return known
            spec.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(spec.folder / batch_script.SCRIPT, script)
            entry = self._spool.add(spec.name, spec.folder, cpus)
            self._advance()
        return str(entry.number)

    def find(self, name: str, folder: Path) -> JobReport | None:
        """Return the job of this name, from its folder once the queue has forgotten it."""
        with self._spool.locked():
            number = self._spool.number_of(name)
            entry = None if number is None else self._spool.entry(number)
            if entry is not None:
                return self._report(self._settled(entry))
        return self.recall(name, folder)

    def recall(self, name: str, folder: Path) -> JobReport | None:
        """Return what the folder says of a job that the queue has forgotten."""
        start = batch_script.read_start(folder)
        return None if start is None else _observe(name, folder, start)

    def jobs(self) -> dict[str, JobReport]:
        """Move the queue on and return all its jobs."""
        with self._spool.locked():
            return {entry.name: self._report(entry) for entry in self._advance()}

    def accounting(self, _name: str) -> Accounting | None:
        """Return None: this machine keeps no accounts; the ranks' own figures are all there is."""
        return None

    def cancel(self, scheduler_id: str) -> None:
        """End the job: at once if it waits, else by SIGTERM and later SIGKILL."""
        if not scheduler_id.isascii() or not scheduler_id.isdigit():
            return
        with self._spool.locked():
            entry = self._spool.entry(int(scheduler_id))
            if entry is None or self._settled(entry).end is not None:
                return
            (entry.folder / CANCELLED).touch()
            start = batch_script.read_start(entry.folder)
            if start is not None:
                processes.terminate(start)
            self._advance()

    def partitions(self) -> list[PartitionFigures]:
        """Return this machine as one partition."""
        with self._spool.locked():
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

    def _known(self, spec: JobSpec) -> str | None:
        number = self._spool.number_of(spec.name)
        if number is not None:
            return str(number)
        start = batch_script.read_start(spec.folder)
        return None if start is None else start.scheduler_id

    def _advance(self) -> list[SpoolEntry]:
        """Note what has ended, start what fits. Strictly first come first: a big job is not overtaken."""
        entries = [self._settled(entry) for entry in self._remembered()]
        free = self._cpus - sum(entry.cpus for entry in entries if _occupies(entry))
        for entry in entries:
            if entry.end is not None or _occupies(entry):
                continue
            if entry.cpus > free or not _launch(entry):
                break
            free -= entry.cpus
        return entries

    def _remembered(self) -> list[SpoolEntry]:
        entries = self._spool.entries()
        now = time.time()
        old = [e for e in entries if e.end is not None and now - e.end_seen_at > FORGET_AFTER_S]
        for entry in old:
            self._spool.remove(entry)
        return [entry for entry in entries if entry not in old]

    def _settled(self, entry: SpoolEntry) -> SpoolEntry:
        """Return the entry with its end noted, if it has ended."""
        if entry.end is not None:
            return entry
        end = _end(entry)
        if end is None:
            return entry
        settled = replace(entry, end=end, end_seen_at=time.time())
        self._spool.replace(settled)
        return settled

    def _report(self, entry: SpoolEntry) -> JobReport:
        if entry.end is not None:
            return entry.end
        start = batch_script.read_start(entry.folder)
        if start is not None:
            return _observe(entry.name, entry.folder, start)
        waiting = f"waiting for {entry.cpus} free of {self._cpus} CPUs; first come, first served"
        return JobReport(entry.name, str(entry.number), JobState.PENDING, reason=waiting)


def _occupies(entry: SpoolEntry) -> bool:
    return entry.end is None and batch_script.read_start(entry.folder) is not None


def _end(entry: SpoolEntry) -> JobReport | None:
    """Tell how the job ended, or None while it waits or runs; see to it that nothing of it is left."""
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
    report = _observe(entry.name, entry.folder, start)
    return None if report.state is JobState.RUNNING else report


def _is_overdue(folder: Path) -> bool:
    cancelled = folder / CANCELLED
    return cancelled.exists() and time.time() - cancelled.stat().st_mtime > KILL_AFTER_S


def _forbid_start(entry: SpoolEntry) -> None:
    """Take the place of the script's own start, unless it was first: a launched copy may be on its way."""
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


def _observe(name: str, folder: Path, start: batch_script.Start) -> JobReport:
    """Tell from the folder and the process how a started attempt stands."""
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
        reason=_reason(state, end),
        started_at=start.started_at,
        ended_at=None if end is None else end.ended_at,
    )


def _end_state(end: batch_script.Exit | None, *, cancelled: bool) -> JobState:
    if end is not None and end.exit_code == 0:
        return JobState.SUCCEEDED
    if cancelled and (end is None or end.signal is not None):
        return JobState.CANCELLED
    return JobState.FAILED


def _reason(state: JobState, end: batch_script.Exit | None) -> str:
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
    """Start the script in a session of its own, nobody's child, and wait until it has noted its start."""
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
    """Wait for the start; a slow or full machine leaves the job in the queue, to be launched again."""
    deadline = time.monotonic() + _LAUNCH_WAIT_S
    while time.monotonic() < deadline:
        if (folder / batch_script.STARTED).exists():
            return True
        time.sleep(_LAUNCH_POLL_S)
    return False
