"""The tables of the database."""

from gateway.models.base import Base
from gateway.models.events import Event, PrunedEvents
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
from gateway.models.work import Job, Transfer, model_of_task

__all__ = [
    "ApiKey",
    "Base",
    "Event",
    "Heartbeat",
    "IdempotencyKey",
    "Infrastructure",
    "Job",
    "Lease",
    "Md5Etags",
    "PrunedEvents",
    "StoredCredential",
    "Telemetry",
    "Transfer",
    "WorkerSlots",
    "model_of_task",
]
