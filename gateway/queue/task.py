"""The base class of the tasks: an unexpected exception leaves a task as a sentence without its own text.

Celery writes the `repr` of a task's exception to the log and to Flower, and that of an error of an encoding,
for example, holds the whole header that could not be encoded.
"""

import logging
from typing import Any

from celery.app.task import Task
from celery.exceptions import TaskPredicate

from gateway.errors import GatewayError
from gateway.queue.pool_process import release_memory
from gateway.work.lack_of_memory import OutOfMemory

_log = logging.getLogger(__name__)


class GatewayTask(Task):  # type: ignore[misc]  # Celery has no types
    """A task whose exceptions are GatewayErrors, or Celery's own requests to retry or to reject."""

    Request = "gateway.queue.request:GatewayRequest"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task."""
        try:
            return self.run(*args, **kwargs)
        except TaskPredicate:
            raise
        except MemoryError as error:
            release_memory(error)
            known: GatewayError = OutOfMemory(f"{self.request.id or self.name}: no memory was left for it")
        except Exception as error:
            known = as_gateway_error(error, str(self.request.id or self.name))
            if known is error:
                raise
        raise known


def as_gateway_error(error: Exception, name: str) -> GatewayError:
    """Return a GatewayError itself; log another exception, and return one that tells its kind alone.

    The causes of a GatewayError are cut off, because Celery shows Flower their texts, and a store's refusal
    may quote the request. The caller raises a new error outside of its `except` block: it has no context.
    """
    if isinstance(error, GatewayError):
        error.__cause__, error.__suppress_context__ = None, True
        return error
    _log.error("%s: unexpected error", name, exc_info=error)
    kind = type(error).__name__
    return GatewayError(f"internal error ({kind}): the operator finds it in the worker's log under {name}")
