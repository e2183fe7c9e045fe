"""The task queue: the Celery application, and `send`, which publishes the messages of committed rows."""

from gateway.queue.celery_app import HOUSEKEEPING, app, send

__all__ = ["HOUSEKEEPING", "app", "send"]
