"""Logs on stderr: one JSON object per event, with the ids that join a request, its tasks and its job."""

import json
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from gateway.cleaning import clean, clean_lines
from gateway.settings import get_settings
from gateway.tracebacks import format_exception

LONGEST_ID = 200
LONGEST_MESSAGE = 10_000
LONGEST_EXCEPTION = 50_000
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# `work_id` is the id of the row: the API logs it when it sends the row's task, the task's lines carry it,
# and the batch job is named after it. `request_id` is the id of the HTTP request.
work_id: ContextVar[str] = ContextVar("work_id", default="")
request_id: ContextVar[str] = ContextVar("request_id", default="")


class CleanFormatter(logging.Formatter):
    """Formats exceptions without secrets, each line cleaned."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's own name
        """Return the traceback."""
        return clean_lines(format_exception(ei[1]) if ei[1] else "", LONGEST_EXCEPTION)


class JsonLines(CleanFormatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "at": at,
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": clean(record.getMessage(), LONGEST_MESSAGE),
            "work_id": clean(getattr(record, "work_id", "") or work_id.get(), LONGEST_ID),
            "request_id": clean(request_id.get(), LONGEST_ID),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # ASCII alone, because a stream's encoding may know no other.
        return json.dumps({name: value for name, value in line.items() if value})


class TextLines(CleanFormatter):
    """Formats a record as text."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """Return the line."""
        return clean(super().formatMessage(record), LONGEST_MESSAGE)


def configure_logging() -> None:
    """Send the logs of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    as_json = get_settings().log_format == "json"
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda ended: _log_uncaught(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _log_uncaught(_kind: type[BaseException], error: BaseException | None, _trace: object) -> None:
    """Log an exception that ends a process or a thread, in the form of all others."""
    if not isinstance(error, KeyboardInterrupt | SystemExit):
        logging.getLogger(__name__).critical("uncaught exception", exc_info=error)
