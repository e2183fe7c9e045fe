"""Resource usage of a process: seconds per phase, processor time, peak memory, bytes read and written."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpc_kernels.reports.relative_errors import ErrorNorms
from hpc_kernels.reports.undefined_figures import UndefinedFigures
from hpc_kernels.reports.warnings import Warnings


class Phases:
    """Wall-clock seconds per phase in order of their start, with input size, errors and kind of exchange."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {"start_up_s": _age_s()}
        self.input_size: dict[str, int] = {}
        self.errors = ErrorNorms()
        self.warnings = Warnings()
        self.undefined = UndefinedFigures()
        self.counts = {"filled": 0, "dropped": 0}
        self.exchange = "files"  # how the ranks exchange: files or mpi

    def record_input(self, signals: int, samples: int, input_bytes: int) -> None:
        """Record the size of the input."""
        self.input_size = {"signals": signals, "samples": samples, "input_bytes": input_bytes}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the wall-clock time of the block to the phase `name`."""
        begin = time.perf_counter()
        yield
        key = f"{name}_s"
        self.seconds[key] = self.seconds.get(key, 0.0) + time.perf_counter() - begin


def resource_usage(rank: int) -> dict[str, Any]:
    """Return the usage of this process so far, in seconds and bytes."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    io = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return {
        "rank": rank,
        "host": os.uname().nodename,
        "cpu_s": own.ru_utime + own.ru_stime,
        "wall_s": _age_s(),
        "peak_rss_bytes": _peak_bytes(),
        "read_bytes": int(io["rchar"]),
        "written_bytes": int(io["wchar"]),
    }


def _age_s() -> float:
    """Return the age of this process in seconds, interpreter start-up included."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    return max(0.0, up_s - started / os.sysconf("SC_CLK_TCK"))


def _peak_bytes() -> int:
    """Return the peak resident memory; that of getrusage includes the launcher's before `exec`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
