"""The usage of a finished job: processor time, memory and bytes as its ranks measured them."""

import json
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from gateway.errors import FilesystemError
from gateway.filesystems.shared import SharedFilesystem
from gateway.models import Job
from gateway.schedulers import batch_script
from gateway.schedulers.base import Accounting

_LIMIT_BYTES = 1 << 20
_MEASURED = ("cpu_s", "peak_rss_bytes", "read_bytes", "written_bytes")


def measure_usage(
    job: Job, folder: PurePosixPath, filesystem: SharedFilesystem, accounting: Accounting | None = None
) -> dict[str, Any]:
    """Return the job's usage, summed over the ranks that measured it; None where none did.

    Memory is the sum of the ranks' peaks, which may have come at different moments. The scheduler's own
    figures stand beside them, and replace a processor time that no rank could measure.
    """
    cpus = job.params["num_mpi_procs"] * job.params["num_thread"]
    per_cpu = job.resources.get("memory_per_cpu_bytes")
    wall_s = _wall_s(folder)
    ranks = _read_ranks(job, folder, filesystem)
    total = {key: sum(rank[key] for rank in ranks) if ranks else None for key in _MEASURED}
    if accounting is not None and total["cpu_s"] is None:
        total["cpu_s"] = accounting.cpu_s
    return {
        "wall_s": wall_s,
        "cpus_requested": cpus,
        "ranks_measured": len(ranks),
        "cpu_s": total["cpu_s"],
        "cpu_efficiency": _ratio(total["cpu_s"], wall_s and wall_s * cpus),
        "memory_requested_bytes": per_cpu and per_cpu * cpus,
        "memory_peak_bytes": total["peak_rss_bytes"],
        "memory_efficiency": _ratio(total["peak_rss_bytes"], per_cpu and per_cpu * cpus),
        "read_bytes": total["read_bytes"],
        "written_bytes": total["written_bytes"],
        "accounting": accounting and asdict(accounting),
    }


def _wall_s(folder: PurePosixPath) -> float | None:
    end = batch_script.read_exit(Path(folder))
    return None if end is None else (end.ended_at - end.started_at).total_seconds()


def _read_ranks(job: Job, folder: PurePosixPath, filesystem: SharedFilesystem) -> list[dict[str, Any]]:
    """Return the measurements: from one file after a good run, from a file of each rank after a failure."""
    together = _read_measurements(folder / batch_script.USAGE, filesystem)
    if together is not None:
        return together
    each = (
        _read_measurements(folder / f"usage.{rank}.json", filesystem)
        for rank in range(job.params["num_mpi_procs"])
    )
    return [rank for found in each if found for rank in found]


def _read_measurements(path: PurePosixPath, filesystem: SharedFilesystem) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(filesystem.read_text(path, _LIMIT_BYTES))
        ranks = found if isinstance(found, list) else [found]
        return [{key: rank[key] for key in _MEASURED} for rank in ranks]
    except (FilesystemError, ValueError, TypeError, KeyError):
        return None


def _ratio(used: float | None, requested: float | None) -> float | None:
    return round(used / requested, 4) if used is not None and requested else None
