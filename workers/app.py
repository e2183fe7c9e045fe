"""The Celery application of the workers: `celery -A workers.app worker -Q <queue>`."""

from celery import Task
from celery.signals import task_postrun, task_prerun, worker_process_init

import gateway.workflows.advance  # noqa: F401  it begins the steps after those that a worker ends
from gateway import tracing
from gateway.db import get_engine
from gateway.logs import work_id
from gateway.queue import app
from gateway.queue.pool_process import mark_used, recycled_above_kib
from gateway.settings import get_settings
from workers.memory_limit import limit_memory
from workers.next_turn import publish_next
from workers.tasks import control, housekeeping, jobs, operator, retention, transfers

__all__ = ["app", "control", "housekeeping", "jobs", "operator", "retention", "transfers"]


app.conf.worker_max_memory_per_child = recycled_above_kib(get_settings().worker_memory_bytes)


@worker_process_init.connect
def _prepare_process(**_: object) -> None:
    """Limit the memory of a pool process; connections are its own, because a fork must not share sockets."""
    limit_memory()
    get_engine.cache_clear()
    if tracing.is_enabled():
        tracing.start("hpc-gateway-worker")


@task_prerun.connect
def _set_work_id(args: tuple[object, ...] = (), **_: object) -> None:
    """Add the id of the task's row to all its log lines."""
    work_id.set(str(args[0]) if args else "")


@task_postrun.connect
def _publish_next(task: Task, args: tuple[object, ...] = (), **_: object) -> None:
    """Publish the next rows; clear the id of the log lines; the process is no longer a fresh one."""
    if args:
        publish_next(task.name, str(args[0]))
    work_id.set("")
    mark_used()
