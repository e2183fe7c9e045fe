"""Signatures of webhooks, by Standard Webhooks 1.0: HMAC-SHA256 of id, time and body."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret in the form that receivers' libraries take."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, at: datetime, body: bytes, texts: Sequence[str]) -> dict[str, str]:
    """Return the headers of a message that each of the secrets signs."""
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [f"v1,{_sign(text, content)}" for text in texts]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def _sign(text: str, content: bytes) -> str:
    key = b64decode(text.removeprefix(PREFIX))
    return b64encode(hmac.digest(key, content, "sha256")).decode()
