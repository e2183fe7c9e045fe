"""The body of a webhook: an event as CloudEvents 1.0 in JSON, of at most 16 KiB."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from gateway.db import utc_now
from gateway.events.feed import FeedEvent

MEDIA_TYPE = "application/cloudevents+json"
LARGEST_BYTES = 16 << 10
SHORT_REASON = 1000  # characters of a reason that is cut
TEST = "webhook.test"


def event_body(event: FeedEvent) -> str:
    """Return the body for an event of a row."""
    source = f"/{event.kind}/{event.row_id}"
    data = event.data()
    body = _body(str(event.cursor), event.word, source, event.at, data)
    if len(body) > LARGEST_BYTES:
        cut = {"reason": event.reason[:SHORT_REASON], "actor": "", "worker": ""}
        body = _body(str(event.cursor), event.word, source, event.at, data | cut)
    return body.decode()


def trial_body(message_id: UUID, webhook_id: UUID) -> str:
    """Return the body for a test of a hook."""
    data = {"kind": "webhook", "id": webhook_id, "to_state": "test"}
    return _body(str(message_id), TEST, f"/webhooks/{webhook_id}", utc_now(), data).decode()


def _body(event_id: str, word: str, source: str, at: datetime, data: dict[str, Any]) -> bytes:
    return to_json(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": word,
            "subject": str(data["id"]),
            "time": at,
            "datacontenttype": "application/json",
            "data": data,
        }
    )
