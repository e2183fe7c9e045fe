"""The task queue: the Celery application, and `send`, the publisher of the outbox.

A process that commits rows with messages imports this package when it starts.
"""

from gateway.queue.celery_app import app
from gateway.queue.publisher import send
from gateway.work import outbox

outbox.publisher = send

__all__ = ["app", "send"]
