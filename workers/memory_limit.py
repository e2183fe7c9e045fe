"""Memory limit of a pool process (RLIMIT_DATA), and its end after a task whose work exceeded the limit."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import clear_frames

from gateway.queue.pool_process import end_after_task
from gateway.settings import get_settings
from gateway.work.lack_of_memory import OutOfMemoryOnce


def limit_memory() -> None:
    """Limit the private memory of this process; mapped files do not count, as they may be larger."""
    most, hard = get_settings().worker_memory_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1]
    if most:
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (lower, hard))


def release_memory(error: MemoryError) -> None:
    """Free the memory that the frames of the error hold; the process ends after its task."""
    clear_frames(error.__traceback__)
    end_after_task()


@contextmanager
def bounding_tries(name: str) -> Iterator[None]:
    """Turn a lack of memory into an error that counts as a try of the work."""
    try:
        yield
    except MemoryError as error:
        release_memory(error)
        raise OutOfMemoryOnce(f"{name}: the work needed more memory than its process may use") from None
