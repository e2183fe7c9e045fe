"""Sending of a webhook's message: one POST to a judged and pinned address, within ten seconds."""

from dataclasses import dataclass

from gateway.cleaning import clean
from gateway.db import utc_now
from gateway.egress.patience import within
from gateway.egress.policy import AllowList
from gateway.egress.pool import ConnectionPool, Response
from gateway.encryption import decrypt
from gateway.errors import GatewayError
from gateway.events.webhooks.cloud_events import MEDIA_TYPE
from gateway.events.webhooks.due import WebhookMessage
from gateway.events.webhooks.hooks import SETTING, check_webhook_url
from gateway.events.webhooks.signatures import signed_headers
from gateway.settings import get_settings

DEADLINE_S = 10.0
READ_BYTES = 64 << 10
KEPT_CHARACTERS = 1024
GONE = 410


@dataclass(frozen=True)
class DeliveryOutcome:
    """The answer of a receiver: its status, the start of its body, and the error."""

    status: int | None
    answer: str
    reason: str

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has taken the message."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004  2xx

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more messages."""
        return self.status == GONE


def send_message(message: WebhookMessage) -> DeliveryOutcome:
    """Send the message; no answer, or an answer that is not 2xx, is an outcome too."""
    settings = get_settings()
    pool = ConnectionPool(settings, AllowList(settings.webhook_hosts, SETTING))
    body = message.body.encode()
    try:
        check_webhook_url(message.url)
        headers = signed_headers(str(message.id), utc_now(), body, [decrypt(text) for text in message.sealed])
        with pool.watched(within(DEADLINE_S, lambda: None, message.host)):
            response = pool.send("POST", message.url, {"Content-Type": MEDIA_TYPE} | headers, body)
            return _outcome(response)
    except (GatewayError, ValueError) as error:
        return DeliveryOutcome(None, "", clean(str(error)))
    finally:
        pool.close()


def _outcome(response: Response) -> DeliveryOutcome:
    """Return the outcome of an answer; its body is read as far as it comes in time."""
    try:
        start = response.read_start(READ_BYTES)
    except GatewayError:
        start = b""
    finally:
        response.close()
    answer = clean(start.decode("utf-8", "replace"), KEPT_CHARACTERS)
    status = response.status
    if status // 100 == 3:  # noqa: PLR2004  3xx
        return DeliveryOutcome(status, answer, f"the receiver answered {status}: redirects are not followed")
    return DeliveryOutcome(status, answer, "" if status // 100 == 2 else f"the receiver answered {status}")  # noqa: PLR2004  2xx
