"""The Celery tasks: a message holds only the ids of rows; a claim in the database admits one worker."""

from gateway.settings import get_settings

# After a pool process was killed, Celery sends the message again when the row's lease has expired. The
# sweeper would do so as well, but later. The number is bounded, so that a poison message ends.
LOST_WORKER: dict[str, float] = {
    "max_retries": get_settings().retries,
    "default_retry_delay": get_settings().lease_s + 1,
}
