"""Memory limit of a pool process (RLIMIT_DATA), and the error of work that exceeds it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.queue.pool_process import release_memory
from gateway.settings import get_settings
from gateway.work.lack_of_memory import OutOfMemoryOnce


def limit_memory() -> None:
    """Limit the private memory of this process; mapped files do not count, as they may be larger."""
    most, hard = get_settings().worker_memory_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1]
    if most:
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (lower, hard))


@contextmanager
def bounding_tries(name: str) -> Iterator[None]:
    """Turn a lack of memory into an error that counts as a try of the work."""
    try:
        yield
    except MemoryError as error:
        release_memory(error)
        raise OutOfMemoryOnce(f"{name}: the work needed more memory than its process may use") from None
