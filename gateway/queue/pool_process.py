"""A pool process: whether it is fresh, and its end after a task that found no memory.

The pool replaces a process whose peak of memory is above a limit, which it reads after each task. A process
that ends inside of a task would be a lost worker, and its message would come again.
"""

from traceback import clear_frames

from billiard import pool

_MOST_KIB = 1 << 50
_is_used = False


def recycled_above_kib(memory_bytes: int) -> int:
    """Return the peak of memory above which the pool replaces a process; 0 bytes are no limit."""
    return memory_bytes // 2 // 1024 or _MOST_KIB


def mark_used() -> None:
    """Note that this process has done a task."""
    global _is_used  # noqa: PLW0603  a fact of the process
    _is_used = True


def is_used() -> bool:
    """Tell whether this process has done a task, whose memory it may still hold."""
    return _is_used


def end_after_task() -> None:
    """Let the pool replace this process when its task has ended, whatever its peak was."""
    pool.mem_rss = lambda: 2 * _MOST_KIB


def release_memory(error: MemoryError) -> None:
    """Free the memory that the frames of the error hold; the process ends after its task."""
    clear_frames(error.__traceback__)
    end_after_task()
