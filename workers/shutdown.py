"""A worker that is asked to stop says so to every process of its pool, where long work hands itself back.

Celery tells only its main process. The flag is made before the pool is forked and has no lock, so that a
process that is killed while it looks cannot block the others.
"""

import multiprocessing
from typing import Any

from celery.signals import worker_shutting_down

_flag = multiprocessing.RawValue("b", 0)


@worker_shutting_down.connect
def _raise_flag(**_: Any) -> None:
    _flag.value = 1


def is_stopping() -> bool:
    """Tell whether this worker was asked to stop."""
    return bool(_flag.value)
