"""Encryption of secrets at rest, with keys that the API and the workers share.

The first key encrypts, all keys decrypt. To rotate keys, the operator puts a new key in front, `reencrypt`
encrypts every row under it while the gateway runs, and the operator removes the old key.
"""

import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from gateway.errors import GatewayError
from gateway.settings import get_settings


class KeyMissing(GatewayError):
    """No configured key can encrypt or decrypt the secret: the operator has to set one."""

    title = "No credentials key"


def new_key() -> str:
    """Generate a key for GATEWAY_CREDENTIALS_KEY."""
    return Fernet.generate_key().decode()


@lru_cache
def keys() -> tuple[str, ...]:
    """Return the keys, the newest first."""
    settings = get_settings()
    if settings.credentials_key_file:
        text = settings.credentials_key_file.read_text(encoding="ascii")
    elif settings.credentials_key:
        text = settings.credentials_key.get_secret_value()
    else:
        text = ""
    found = tuple(text.replace(",", " ").split())
    if not found:
        raise KeyMissing(
            "set GATEWAY_CREDENTIALS_KEY or GATEWAY_CREDENTIALS_KEY_FILE (`hpc-gateway key` makes a key)"
        )
    return found


def _fernets() -> tuple[Fernet, ...]:
    return _make_fernets(keys())


@lru_cache(maxsize=1)
def _make_fernets(texts: tuple[str, ...]) -> tuple[Fernet, ...]:
    try:
        return tuple(Fernet(key) for key in texts)
    except ValueError as error:
        raise KeyMissing(
            "GATEWAY_CREDENTIALS_KEY holds a text that is not a key; `hpc-gateway key` makes one"
        ) from error


def check_key() -> None:
    """Raise KeyMissing now rather than at the first request."""
    _fernets()


def encrypt(text: str) -> str:
    """Encrypt a secret for the database."""
    return _fernets()[0].encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt a token of `encrypt`, or raise KeyMissing when this process lacks its key."""
    try:
        return MultiFernet(_fernets()).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise KeyMissing(
            "this worker's GATEWAY_CREDENTIALS_KEY lacks the key with which the API encrypted the secret"
        ) from error


def is_current(token: str) -> bool:
    """Tell whether the first key has encrypted the token."""
    try:
        _fernets()[0].decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def fingerprints(data: bytes) -> list[str]:
    """Return the data's HMAC under each key, the first key first; a plain hash could be guessed."""
    return [hmac.new(key.encode(), data, hashlib.sha256).hexdigest() for key in keys()]
