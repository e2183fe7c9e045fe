"""Sealing: the secret of a store, encrypted for its row and decrypted for the transfer."""

import json

from gateway.encryption import decrypt, encrypt
from gateway.settings import get_settings
from gateway.storage.address import Credentials, PresignedUrl, Secret
from gateway.storage.own_store import own_keys


def seal(secret: Secret) -> str:
    """Encrypt the secret of a store for the database."""
    parts = [secret.url] if isinstance(secret, PresignedUrl) else _parts_of(secret)
    return encrypt(json.dumps(parts))


def _parts_of(keys: Credentials) -> list[str]:
    """Return the keys with token and customer key; two parts, as an older version reads, without these.

    The gateway's own account has no part: it is in the settings.
    """
    if keys.is_own:
        return []
    more = [keys.session_token, keys.sse_customer_key]
    return [keys.access_key, keys.secret_key, *(more if any(more) else [])]


def unseal(token: str) -> Secret:
    """Decrypt the secret of a store from its sealed token."""
    parts = json.loads(decrypt(token))
    if not parts:
        return own_keys(get_settings())
    return Credentials(*parts) if len(parts) > 1 else PresignedUrl(*parts)
