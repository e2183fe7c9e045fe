"""The usage of a finished job: processor time, memory and bytes as its ranks measured them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter

from gateway.cleaning import clean
from gateway.errors import FilesystemError
from gateway.filesystems.base import Folder
from gateway.jobs.run_folders import RunFolders
from gateway.models import Job
from gateway.schedulers.attempt_record import EXIT_RECORD
from gateway.schedulers.base import Accounting
from gateway.schedulers.batch_script import EXIT

USAGE = "usage.json"
WARNINGS = "warnings.json"
_MOST_WARNINGS, _LONGEST_WARNING = 100, 1000
_LEAST_BYTES, _BYTES_OF_RANK, _MOST_BYTES = 1 << 12, 1 << 8, 4 << 20  # of the file of all ranks
_T = TypeVar("_T")
_Number = Annotated[int, Field(ge=0, lt=2**63)]


class RankUsage(BaseModel):
    """The resources that one rank measured of itself."""

    model_config = ConfigDict(frozen=True, strict=True)

    cpu_s: float = Field(ge=0, lt=1e12, allow_inf_nan=False)
    peak_rss_bytes: _Number
    read_bytes: _Number
    written_bytes: _Number


# An error for each of many wrong entries would take a hundred times the memory of the file.
_RANKS, _RANK = TypeAdapter(Annotated[list[RankUsage], FailFast()]), TypeAdapter(RankUsage)
_Warning = Annotated[str, Field(max_length=_LONGEST_WARNING)]
_WARNINGS = TypeAdapter(Annotated[list[_Warning], Field(max_length=_MOST_WARNINGS)])


def measure_usage(
    job: Job, folders: RunFolders, accounting: Accounting | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return the job's usage, and warnings: those of its kernels, and about files that could not be read.

    It is summed over the ranks that measured it; None where none did. Memory is the sum of the ranks' peaks,
    which may have come at different moments. The scheduler's own figures stand beside them, and replace a
    processor time that no rank could measure.
    """
    warnings: list[str] = []
    wall_s = _noting(warnings, lambda: _wall_s(folders.control), None)
    ranks: list[RankUsage] = _noting(warnings, lambda: _read_ranks(job, folders.output), [])
    warnings += _noting(warnings, lambda: _read_warnings(folders.output), [])
    return _summarize(job, wall_s, ranks, accounting), warnings


def _noting(warnings: list[str], read: Callable[[], _T], otherwise: _T) -> _T:
    """Return the figures, or the alternative and one sentence more when they cannot be read."""
    try:
        return read()
    except FilesystemError as error:
        if error.transient:
            raise
        warnings.append(f"figures of the usage are missing: {error.detail}")
        return otherwise


def _summarize(
    job: Job, wall_s: float | None, ranks: list[RankUsage], accounting: Accounting | None
) -> dict[str, Any]:
    cpus = job.params["num_mpi_procs"] * job.params["num_thread"]
    per_cpu = job.resources.get("memory_per_cpu_bytes")
    total = {
        key: sum(getattr(rank, key) for rank in ranks) if ranks else None for key in RankUsage.model_fields
    }
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


def _wall_s(folder: Folder) -> float | None:
    end = folder.read_json(EXIT_RECORD, EXIT)
    return None if end is None else (end.ended_at - end.started_at).total_seconds()


def _read_ranks(job: Job, folder: Folder) -> list[RankUsage]:
    """Return the measurements: from one file after a good run, from a file of each rank after a failure."""
    limit_bytes = min(_LEAST_BYTES + _BYTES_OF_RANK * job.params["num_mpi_procs"], _MOST_BYTES)
    together = folder.read_json(_RANKS, USAGE, limit_bytes)
    if together is not None:
        return together[: job.params["num_mpi_procs"]]
    each = (folder.read_json(_RANK, f"usage.{rank}.json") for rank in range(job.params["num_mpi_procs"]))
    return [rank for rank in each if rank is not None]


def _read_warnings(folder: Folder) -> list[str]:
    """Return the warnings of the kernels, without control characters."""
    return [clean(text) for text in folder.read_json(_WARNINGS, WARNINGS) or []]


def _ratio(used: float | None, requested: float | None) -> float | None:
    return round(used / requested, 4) if used is not None and requested else None
