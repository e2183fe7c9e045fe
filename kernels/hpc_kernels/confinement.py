"""Confinement of a process that reads hostile files: limits of the system, and no network where possible."""

import ctypes
import resource

_OPEN_FILES = 64
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def confine(memory_bytes: int, written_bytes: int) -> None:
    """Limit this process before it reads the file, and leave the network where the kernel allows it."""
    limits = {"DATA": memory_bytes, "CORE": 0, "FSIZE": written_bytes, "NOFILE": _OPEN_FILES}
    for name, limit in limits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        lower = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (lower, lower))
    unshare = ctypes.CDLL(None).unshare
    _ = unshare(_CLONE_NEWNET) and unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
