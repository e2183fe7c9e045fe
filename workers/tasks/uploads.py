"""The task that removes unused files from the gateway's own bucket, which beat sends every ten minutes."""

from gateway.errors import StorageError
from gateway.queue import app
from gateway.queue.celery_app import REMOVAL_TASK
from gateway.uploads.removal import remove_unused


@app.task(name=REMOVAL_TASK, throws=(StorageError,))
def remove_uploads() -> int:
    """Remove all files that were unused for a day; return their number."""
    return remove_unused()
