"""Logs on stderr: one JSON object per event, with the ids that join a request, its tasks and its job."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from gateway.settings import get_settings

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# `work_id` is the id of the row: the API logs it when it sends the row's task, the task's lines carry it,
# and the batch job is named after it. `request_id` is the id of the HTTP request.
work_id: ContextVar[str] = ContextVar("work_id", default="")
request_id: ContextVar[str] = ContextVar("request_id", default="")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "at": at,
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            "work_id": getattr(record, "work_id", "") or work_id.get(),
            "request_id": request_id.get(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # ASCII alone: text from a client cannot end the line, control a terminal or fail to be encoded.
        return json.dumps({name: value for name, value in line.items() if value})


class TextLines(logging.Formatter):
    """Formats a record as text; unprintable characters of its message are escaped."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """Return the line."""
        shown = super().formatMessage(record)
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)


def configure_logging() -> None:
    """Send the logs of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    as_json = get_settings().log_format == "json"
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
