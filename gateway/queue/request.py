"""The request of a task in a worker's main process: a lack of memory fails the task, and nothing else.

Celery ends the whole worker for a MemoryError that a process reports. A process that the kernel ended for
want of memory would be a lost worker, whose message comes again at once and with its whole group; here its
rows get a note, and are sent alone when their leases have expired.
"""

import logging
from typing import Any
from uuid import UUID

from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery.worker.request import Request
from sqlalchemy.exc import SQLAlchemyError

from gateway.db import get_engine, session_scope
from gateway.models import model_of_task
from gateway.queue.oom_kills import OomKills, count_oom_kills
from gateway.work.lack_of_memory import OutOfMemory, note_kill

_kills = OomKills()
_log = logging.getLogger(__name__)


class GatewayRequest(Request):  # type: ignore[misc]  # Celery has no types
    """A request that knows the kernel's count of processes ended for want of memory as it begins."""

    _kills_before = 0

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Note the count when a process has taken the task."""
        self._kills_before = count_oom_kills()
        super().on_accepted(pid, time_accepted)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:  # noqa: FBT001, FBT002  Celery's own
        """Handle the failure of the task."""
        error = exc_info.exception
        if self._lacked_memory(getattr(error, "exc", error)):
            exc_info = _failure(f"{self.id}: no memory was left for it; its row says how it goes on")
        return super().on_failure(exc_info, send_failed_event, return_ok)

    def _lacked_memory(self, error: BaseException) -> bool:
        if isinstance(error, MemoryError):
            return True
        was_killed = isinstance(error, WorkerLostError) and "signal 9 " in str(error)
        return was_killed and _kills.explain(self._kills_before) and self._note_kill()

    def _note_kill(self) -> bool:
        """Note the lack of memory on the rows of the task; return whether this worker held one of them."""
        model = model_of_task(self.name)
        if model is None:
            return False
        try:
            with session_scope() as session:
                held = note_kill(session, model, [UUID(each) for each in self.args], self.hostname)
        except (SQLAlchemyError, ValueError) as problem:
            _log.warning("%s: the kill is not noted: %s", self.id, type(problem).__name__)
            return False
        finally:
            get_engine().dispose()  # the pool's next processes are forks, and share no connection
        return bool(held)


def _failure(detail: str) -> ExceptionInfo:
    try:
        raise OutOfMemory(detail)  # noqa: TRY301  ExceptionInfo describes the error being handled
    except OutOfMemory:
        return ExceptionInfo()
