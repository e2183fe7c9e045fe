"""The end of a pool process after a task that found no memory, so that the next task begins in a fresh one.

The pool replaces a process whose peak of memory is above a limit, which it reads after each task. A process
that ends inside of a task would be a lost worker, and its message would come again.
"""

from traceback import clear_frames

from billiard import pool

_MOST_KIB = 1 << 50


def recycled_above_kib(memory_bytes: int) -> int:
    """Return the peak of memory above which the pool replaces a process; 0 bytes are no limit."""
    return memory_bytes // 2 // 1024 or _MOST_KIB


def end_after_task() -> None:
    """Let the pool replace this process when its task has ended, whatever its peak was."""
    pool.mem_rss = lambda: 2 * _MOST_KIB


def release_memory(error: MemoryError) -> None:
    """Free the memory that the frames of the error hold; the process ends after its task."""
    clear_frames(error.__traceback__)
    end_after_task()
