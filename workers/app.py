"""The Celery application of the workers: `celery -A workers.app worker -Q <queue>`."""

from typing import Any

from celery.signals import task_postrun, task_prerun, worker_process_init

from gateway import tracing
from gateway.db import get_engine
from gateway.logs import work_id
from gateway.queue import app
from workers.tasks import control, housekeeping, jobs, operator, retention, transfers

__all__ = ["app", "control", "housekeeping", "jobs", "operator", "retention", "transfers"]


@worker_process_init.connect
def _own_engine(**_: Any) -> None:
    """Give each pool process connections of its own: sockets must not be shared over a fork."""
    get_engine.cache_clear()
    if tracing.is_enabled():
        tracing.start("hpc-gateway-worker")


@task_prerun.connect
def _begin(args: tuple[Any, ...] = (), **_: Any) -> None:
    """Let every line of a task carry the id of the row that it works on."""
    work_id.set(str(args[0]) if args else "")


@task_postrun.connect
def _end(**_: Any) -> None:
    work_id.set("")
