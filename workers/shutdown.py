"""Shutdown of a worker: a flag that every process of its pool sees, so that long work is handed back.

Celery notifies only the main process. The flag is created before the pool is forked and has no lock, so
that a process that is killed while it reads the flag cannot block the others.
"""

import multiprocessing

from celery.signals import worker_shutting_down

_stopping = multiprocessing.RawValue("b", 0)


@worker_shutting_down.connect
def _record_shutdown(**_: object) -> None:
    _stopping.value = 1


def is_stopping() -> bool:
    """Tell whether this worker is stopping."""
    return bool(_stopping.value)
