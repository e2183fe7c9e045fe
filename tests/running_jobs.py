"""Jobs of the local scheduler in this process, step by step, with a kernel that takes no time."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from gateway.clusters.configuration import clusters, configured_clusters
from gateway.db import session_scope
from gateway.jobs import watch
from gateway.jobs.watched_rows import WatchedJobs
from gateway.models import Job
from gateway.schedulers.base import JobReport
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.schedulers.opening import open_scheduler
from gateway.settings import get_settings
from gateway.states import JobState
from tests.polling import until
from tests.rows import job
from workers.tasks import jobs as tasks

# It takes the place of the interpreter: it writes its results where the job file says, as the kernels do.
KERNEL = """#!/bin/bash
output=$(sed -n 's/.*"output_dir": "\\(.*\\)",/\\1/p' "${@: -1}")
[ ! -e "$output/../../../fail" ] || exit 1
[ ! -e "$output/../../../hold" ] || exec sleep 60
mkdir -p "$output/CSVFormate"
echo 1 >"$output/CSVFormate/FFT_Filter_output.csv"
sum=$(sha256sum <"$output/CSVFormate/FFT_Filter_output.csv")
printf '[{"service": "fft", "path": "%s", "bytes": 2, "sha256": "%s"}]' \\
  "$output/CSVFormate/FFT_Filter_output.csv" "${sum%% *}" >"$output/outputs.json"
usage='{"rank": 0, "cpu_s": 0.5, "peak_rss_bytes": 7, "read_bytes": 1, "written_bytes": 2}'
echo "[$usage]" >"$output/usage.json"
echo done
"""
DATA = "serrano/data"
OUTPUT = f"{DATA}/Output_Data/jobs"


def use_kernel(tmp_path: Path, cpus: int = 64) -> Path:
    """Configure the quick kernel as the interpreter of the cluster, and return the home."""
    kernel, path = tmp_path / "kernel", get_settings().infrastructures
    kernel.write_text(KERNEL)
    kernel.chmod(0o755)
    first, rest = path.read_text().split("max_cpus = ", 1)
    rest = rest.partition("\n")[2].replace(f'python = "{kernel}"\n', "", 1)
    path.write_text(f'{first}max_cpus = {cpus}\npython = "{kernel}"\n{rest}')
    clusters.cache_clear()
    open_scheduler.cache_clear()
    return tmp_path / "home"


def scheduler() -> LocalScheduler:
    found = open_scheduler(configured_clusters()["hpc"])
    assert isinstance(found, LocalScheduler)
    return found


def submit(row_id: UUID) -> Job:
    tasks.submit.apply(args=[str(row_id)], throw=True)
    return job(row_id)


def watch_once() -> None:
    """Do one round of the watcher."""
    watched = WatchedJobs("hpc")
    with session_scope(read_only=True) as session:
        watched.refresh(session)
    watch.look(scheduler(), watched)


def report_on(report: JobReport) -> None:
    """Let a scheduler that says this alone be looked at."""
    watched = WatchedJobs("hpc")
    with session_scope(read_only=True) as session:
        watched.refresh(session)
    told: Any = SimpleNamespace(jobs=lambda: {report.name: report}, recall=lambda _: {})
    watch.look(told, watched)


def finish(row_id: UUID) -> Job:
    """Watch until the end of the job is found, and make it final."""

    def is_found() -> bool:
        watch_once()
        row = job(row_id)
        return bool(row.finding) or row.ended_at is not None

    until("the end is found", is_found)
    if job(row_id).ended_at is None:
        tasks.finish.apply(args=[str(row_id)])
    return job(row_id)


def control_of(home: Path, row: Job) -> Path:
    return home / ".hpc-gateway/jobs" / row.name


def output_of(home: Path, row: Job) -> Path:
    return home / OUTPUT / row.name


def succeeded_with_output(home: Path, row: Job) -> bool:
    """Tell whether the job ended as if it were alone."""
    path = output_of(home, row) / "CSVFormate/FFT_Filter_output.csv"
    told = [entry["path"] for entry in row.outputs]
    return row.state is JobState.SUCCEEDED and told == [str(path.relative_to(home))] and not row.warnings


def started(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "started.json").read_text())
    return found
