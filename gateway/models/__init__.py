"""The tables of the database."""

from gateway.models.base import Base
from gateway.models.events import Event, PrunedEvents
from gateway.models.jobs import Job
from gateway.models.members import JobMember
from gateway.models.registry import (
    ApiKey,
    Heartbeat,
    IdempotencyKey,
    Infrastructure,
    Lease,
    Md5Etags,
    StoredCredential,
    Telemetry,
    WorkerSlots,
)
from gateway.models.transfers import Transfer
from gateway.models.workflows import Workflow

__all__ = [
    "ApiKey",
    "Base",
    "Event",
    "Heartbeat",
    "IdempotencyKey",
    "Infrastructure",
    "Job",
    "JobMember",
    "Lease",
    "Md5Etags",
    "PrunedEvents",
    "StoredCredential",
    "Telemetry",
    "Transfer",
    "WorkerSlots",
    "Workflow",
    "model_of_task",
]


def model_of_task(task: str) -> type[Transfer | Job] | None:
    """Return the table of the rows that a task of that name works on, None when it has no rows."""
    return next((model for model in (Transfer, Job) if task.startswith(f"{model.noun}.")), None)
