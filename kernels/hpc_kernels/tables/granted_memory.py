"""Memory that a rank may use for its signals: a setting, or its part of the grant of the system."""

import os
import resource
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hpc_kernels.launch import detect_launch

SETTING = "HPC_KERNELS_MEMORY_BYTES"
_PARTS_OF_TEN = 6  # of the grant: the interpreter, results on their way and other processes need some
_NO_LIMIT = 1 << 62
_MOUNTS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))


def granted_bytes() -> int:
    """Return the bytes that this rank may use for signals.

    Without the setting it is a part of the least of: the free memory of the node, the limits of its control
    groups, and the grant of Slurm, each shared by the ranks of the node; and RLIMIT_DATA of this process.
    """
    if given := os.environ.get(SETTING):
        return max(1, int(given))
    shared = min(_free_at_start(), _limit_of_cgroups(), _granted_by_slurm())
    return max(1, min(shared // _ranks_of_node(), _limit_of_process()) * _PARTS_OF_TEN // 10)


def _ranks_of_node() -> int:
    return int(os.environ.get("SLURM_NTASKS_PER_NODE", detect_launch().size))


def _granted_by_slurm() -> int:
    """Return the memory of the job on this node, which Slurm states in MiB per node or per processor."""
    if granted := int(os.environ.get("SLURM_MEM_PER_NODE", "0")):  # 0: all of the node's memory
        return granted << 20
    if granted := int(os.environ.get("SLURM_MEM_PER_CPU", "0")):
        cpus = os.environ.get("SLURM_CPUS_ON_NODE") or os.environ.get("SLURM_CPUS_PER_TASK") or "1"
        return int(cpus) * (granted << 20)
    return _NO_LIMIT


@cache
def _limit_of_process() -> int:
    """Return RLIMIT_DATA without the memory that the process has taken before the first call."""
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return _NO_LIMIT if limit == resource.RLIM_INFINITY else limit - _kibibytes("/proc/self/status", "VmData")


@cache
def _free_at_start() -> int:
    """Return the free memory of the node at the first call, as later ones would count this job's own."""
    return _kibibytes("/proc/meminfo", "MemAvailable") or _NO_LIMIT


@cache
def _limit_of_cgroups() -> int:
    """Return the least memory limit of the control groups of this process, version 1 or 2."""
    return min(limits_of_cgroups(Path("/proc/self/cgroup"), _MOUNTS), default=_NO_LIMIT)


def limits_of_cgroups(mine: Path, mounts: tuple[tuple[str, str], ...]) -> Iterator[int]:
    """Yield the limits of the control groups that the file `mine` lists, and of those around them."""
    for line in mine.read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        for mount, name in mounts if {"", "memory"} & set(controllers.split(",")) else ():
            group = Path(mount, place.lstrip("/"))
            for folder in (group, *group.parents):
                yield from _limit_in(folder / name)


def _limit_in(file: Path) -> Iterator[int]:
    try:
        text = file.read_text().strip()
    except OSError:  # no control group of this name, or one outside of the container
        return
    if text.isdigit():  # else "max"
        yield int(text)


def _kibibytes(file: str, key: str) -> int:
    for line in Path(file).read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) << 10
    return 0
