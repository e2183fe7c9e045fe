"""Sealing: the secret of a store, encrypted for the row and decrypted for the worker that opens the store."""

import json

from gateway.encryption import decrypt, encrypt
from gateway.storage.address import Credentials, PresignedUrl, Secret


def seal(secret: Secret) -> str:
    """Encrypt the secret of a store, for the database."""
    parts = [secret.url] if isinstance(secret, PresignedUrl) else [secret.access_key, secret.secret_key]
    return encrypt(json.dumps(parts))


def unseal(token: str) -> Secret:
    """Decrypt a sealed secret."""
    parts = json.loads(decrypt(token))
    return Credentials(*parts) if len(parts) > 1 else PresignedUrl(*parts)
