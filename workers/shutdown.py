"""Shutdown of a worker: a flag that every process of its pool sees, so that long work is handed back.

Celery notifies only the main process. The flag is created before the pool is forked and has no lock, so
that a process that is killed while it reads the flag cannot block the others.
"""

import multiprocessing

from celery.signals import worker_init, worker_shutting_down

_flags = [multiprocessing.RawValue("b", 0)]  # the newest is this worker's


@worker_init.connect
def _make_flag(**_: object) -> None:
    """Make a flag of this worker's own: the launcher's forks share the memory of the one that it imported."""
    _flags.append(multiprocessing.RawValue("b", 0))


@worker_shutting_down.connect
def _record_shutdown(**_: object) -> None:
    _flags[-1].value = 1


def is_stopping() -> bool:
    """Tell whether this worker is stopping."""
    return bool(_flags[-1].value)
