"""Headers of every request of an account: its session token, its consent to pay, and the customer's key."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping

from gateway.errors import Fault, StorageError
from gateway.storage.address import Credentials, S3Address

_CUSTOMER = "x-amz-server-side-encryption-customer"


def account_headers(address: S3Address, credentials: Credentials) -> Mapping[str, str]:
    """Return the headers that all requests of the account have."""
    token = {"x-amz-security-token": credentials.session_token} if credentials.session_token else {}
    return {**token, **({"x-amz-request-payer": "requester"} if address.requester_pays else {})}


def encryption_headers(address: S3Address, credentials: Credentials) -> Mapping[str, str]:
    """Return the headers of requests for an object that the store encrypts with the customer's key.

    Raises
    ------
    StorageError
        When the key would be sent without TLS.
    """
    if not credentials.sse_customer_key:
        return {}
    if not address.endpoint.startswith("https:"):
        raise StorageError("sse_customer_key is sent over https alone: check endpoint", Fault.NAME)
    digest = hashlib.md5(b64decode(credentials.sse_customer_key), usedforsecurity=False).digest()
    return {
        f"{_CUSTOMER}-algorithm": "AES256",
        f"{_CUSTOMER}-key": credentials.sse_customer_key,
        f"{_CUSTOMER}-key-md5": b64encode(digest).decode(),
    }
