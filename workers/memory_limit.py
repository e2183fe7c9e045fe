"""Memory limit of a pool process (RLIMIT_DATA), and the errors of a row whose work exceeds it."""

import resource
from collections.abc import Iterable

from gateway.errors import Fault, GatewayError
from gateway.models import Event
from gateway.settings import get_settings

_REASON = "needed more memory than"


class OutOfMemory(GatewayError):
    """The work on a row needs more memory than a process of the pool may use."""

    title = "Out of memory"
    fault = Fault.LIMIT


class OutOfMemoryOnce(OutOfMemory):
    """The first lack of memory in an attempt: other rows of the process may have caused it."""

    transient = True


def limit_memory() -> None:
    """Limit the private memory of this process; mapped files do not count, as they may be larger."""
    most, hard = get_settings().worker_memory_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1]
    if most:
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (lower, hard))


def recycled_above_kib() -> int | None:
    """Return the peak memory above which a process of the pool is replaced after its task."""
    return get_settings().worker_memory_bytes // 2 // 1024 or None


def out_of_memory(attempt: int, events: Iterable[Event]) -> OutOfMemory:
    """Return the error of a row: transient for the first lack of memory in its attempt, else final."""
    reason = f"{_REASON} {get_settings().worker_memory_bytes:,} bytes"
    if any(event.attempt == attempt and event.reason.startswith(_REASON) for event in events):
        return OutOfMemory(f"{reason}, alone as well; move a smaller file, or ask the operator for more")
    return OutOfMemoryOnce(f"{reason}; it is tried once more, alone")
