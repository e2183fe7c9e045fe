"""The tables of the database."""

from gateway.models.base import Base
from gateway.models.events import Event, PrunedEvents
from gateway.models.jobs import Job
from gateway.models.judgements import JudgedTable
from gateway.models.members import JobMember
from gateway.models.registry import (
    ApiKey,
    Heartbeat,
    IdempotencyKey,
    Infrastructure,
    InfrastructureRevision,
    Lease,
    Md5Etags,
    StoredCredential,
    Telemetry,
    WorkerSlots,
)
from gateway.models.sessions import ConsoleSession
from gateway.models.transfers import Transfer
from gateway.models.uploads import StoredFile
from gateway.models.webhooks import Webhook, WebhookCursor, WebhookDelivery
from gateway.models.workflows import Workflow

__all__ = [
    "ApiKey",
    "Base",
    "ConsoleSession",
    "Event",
    "Heartbeat",
    "IdempotencyKey",
    "Infrastructure",
    "InfrastructureRevision",
    "Job",
    "JobMember",
    "JudgedTable",
    "Lease",
    "Md5Etags",
    "PrunedEvents",
    "StoredCredential",
    "StoredFile",
    "Telemetry",
    "Transfer",
    "Webhook",
    "WebhookCursor",
    "WebhookDelivery",
    "WorkerSlots",
    "Workflow",
    "model_of_task",
]


def model_of_task(task: str) -> type[Transfer | Job] | None:
    """Return the table of the rows that a task of that name works on, None when it has no rows."""
    return next((model for model in (Transfer, Job) if task.startswith(f"{model.noun}.")), None)
