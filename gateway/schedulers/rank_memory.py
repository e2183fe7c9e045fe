"""The private memory of one rank that no scheduler bounds: its request, else its share of the machine."""

import os

from gateway.schedulers.base import JobSpec

_LEAST_BYTES = 1 << 29  # the interpreter, its libraries, and the compilation of a kernel


def rank_memory_bytes(spec: JobSpec) -> int:
    """Return the bytes for RLIMIT_DATA of each rank; mapped files do not count, as they may be larger."""
    per_cpu = spec.resources.memory_per_cpu_bytes or _machine_bytes() // (os.cpu_count() or 1)
    return max(per_cpu * spec.threads, _LEAST_BYTES)


def _machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
