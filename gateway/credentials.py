"""S3 credentials at rest: encrypted with one key that the API and the workers share."""

import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken

from gateway.errors import GatewayError
from gateway.settings import get_settings


class KeyMissing(GatewayError):
    """There is no key to encrypt or decrypt with: the operator has to set one."""

    title = "No credentials key"


def new_key() -> str:
    """Make a key for GATEWAY_CREDENTIALS_KEY."""
    return Fernet.generate_key().decode()


@lru_cache
def _fernet() -> Fernet:
    settings = get_settings()
    if settings.credentials_key_file:
        key = settings.credentials_key_file.read_text(encoding="ascii").strip()
    elif settings.credentials_key:
        key = settings.credentials_key.get_secret_value()
    else:
        raise KeyMissing(
            "set GATEWAY_CREDENTIALS_KEY or GATEWAY_CREDENTIALS_KEY_FILE (`hpc-gateway key` makes a key)"
        )
    try:
        return Fernet(key)
    except ValueError as error:
        raise KeyMissing("GATEWAY_CREDENTIALS_KEY is not a key that `hpc-gateway key` made") from error


def check_key() -> None:
    """Raise KeyMissing now rather than at the first request."""
    _fernet()


def encrypt(text: str) -> str:
    """Encrypt a secret for the database."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt what `encrypt` made, or raise KeyMissing when this process has another key."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise KeyMissing("this worker's GATEWAY_CREDENTIALS_KEY is not the one of the API") from error


def seal(access_key: str, secret_key: str) -> str:
    """Encrypt S3 credentials for the database."""
    return encrypt(json.dumps([access_key, secret_key]))


def unseal(token: str) -> tuple[str, str]:
    """Decrypt what `seal` made: access key, secret key."""
    access_key, secret_key = json.loads(decrypt(token))
    return access_key, secret_key
