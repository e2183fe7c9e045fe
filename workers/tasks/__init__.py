"""The tasks. Only a row's id crosses the broker; who works on a row is decided in the database."""

from typing import Any

from gateway.settings import get_settings

# A pool process that was killed: Celery sends the message again once the row's lease has run out. The
# sweeper would do so as well; this one is faster. Bounded, so that a poison message ends.
LOST_WORKER: dict[str, Any] = {
    "max_retries": get_settings().retries,
    "default_retry_delay": get_settings().lease_s + 1,
}
