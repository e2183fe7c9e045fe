"""Bodies of webhooks and of their deliveries."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.fields import HIDDEN, AsciiText, Text
from api.schemas.patterns import HOOK_URL, Told
from gateway.callers import Caller
from gateway.events.webhooks.words import STATES
from gateway.left_out import RequestModel
from gateway.models import Webhook, WebhookDelivery
from gateway.storage.address import without_query

MOST_WORDS = 50
WORD = "|".join(rf"^{kind}\.({'|'.join(sorted(states))}|\*)$" for kind, states in STATES.items())
EXAMPLE: dict[str, Any] = {
    "url": "https://portal.example.org/hooks/hpc",
    "events": ["job.succeeded", "*.failed", "workflow.*"],
    "description": "the portal of our institute",
}


class WebhookRequest(RequestModel):
    """A URL to tell of events."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    url: Annotated[AsciiText, Told(pattern=HOOK_URL)] = Field(
        description="https, at a public address unless the operator lists another one."
    )
    events: list[Annotated[str, Field(max_length=60), Told(pattern=WORD)]] = Field(
        min_length=1,
        max_length=MOST_WORDS,
        description="Kind and state with a dot between them, each of which may be `*`; `*.failed` covers"
        " every unsuccessful end.",
    )
    description: Text | None = Field(None, description="For people.")


class WebhookSummary(BaseModel):
    """A webhook, without its secret."""

    id: UUID
    owner: str
    url: str
    events: list[str]
    description: str
    created_at: datetime
    disabled_at: datetime | None = Field(description="A disabled hook is sent nothing more.")
    reason: str = Field(description="Why it is disabled.")
    old_secret_until: datetime | None = Field(description="Until then the secret before signs as well.")

    @classmethod
    def of(cls, row: Webhook, caller: Caller, **more: Any) -> Self:
        """Show a row; a query of its URL to its owner alone."""
        url = row.url if caller.owner == row.owner else without_query(row.url, HIDDEN)
        names = ("id", "owner", "events", "description", "created_at", "disabled_at", "reason")
        shown = {name: getattr(row, name) for name in names}
        return cls(**shown, url=url, old_secret_until=row.previous_until, **more)


class WebhookWithSecret(WebhookSummary):
    """A webhook with its secret, which no other answer shows."""

    secret: str = Field(description="`whsec_` and base64, as libraries of Standard Webhooks take it.")


class WebhookDeliveryStatus(BaseModel):
    """A message to a webhook, and how it fared."""

    id: UUID = Field(description="The message's `webhook-id`, the same at each attempt.")
    type: str = Field(description="Kind and state of the event, or `webhook.test`.")
    row_id: UUID = Field(description="The transfer, job or workflow that the event is of.")
    state: str = Field(description="`pending`, `delivered`, `failed` or `dropped`.")
    attempts: int
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    status: int | None = Field(description="HTTP status of the last answer.")
    answer: str = Field(description="Start of the body of the last answer.")
    reason: str

    @classmethod
    def of(cls, row: WebhookDelivery) -> Self:
        """Show a row."""
        names = ("id", "type", "row_id", "state", "attempts", "created_at", "status", "answer", "reason")
        shown = {name: getattr(row, name) for name in names}
        return cls(**shown, last_attempt_at=row.last_at, next_attempt_at=row.next_at)


class WebhookDeliveries(BaseModel):
    """A page of deliveries, newest first."""

    items: list[WebhookDeliveryStatus]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")
