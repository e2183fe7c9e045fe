"""The address of an object, and the secrets that open its store."""

import re
from dataclasses import dataclass, field
from uuid import UUID

DEFAULT_REGION = "local"  # of a request that leaves the region out


@dataclass(frozen=True)
class S3Address:
    """One object of an S3 store, and whether the account agrees to pay for its requests."""

    endpoint: str
    region: str
    bucket: str
    key: str
    requester_pays: bool = False


@dataclass(frozen=True)
class Credentials:
    """The keys of an account at a store. Their printed form shows nothing of them.

    Temporary keys have a session token. An object that the store encrypts with a key of the customer's has
    that key beside them, in base64. The gateway's own account is marked: it reaches the gateway's store.
    """

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    sse_customer_key: str = field(default="", repr=False)
    is_own: bool = False


@dataclass(frozen=True)
class StoredKeys:
    """The id of stored credentials, and the key with which the store encrypts the object."""

    id: UUID
    sse_customer_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class PresignedUrl:
    """A presigned URL of one object, itself a secret: it carries the permission for one request."""

    url: str = field(repr=False)


Secret = Credentials | PresignedUrl


def without_query(url: str, mark: str = "") -> str:
    """Return the URL up to its query or fragment, which may be a signature, and `mark` in place of them."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return bare if bare == url else f"{bare}{mark}"


def secret_warnings(secret: Secret, endpoint: str) -> list[str]:
    """Return the warning for a session token that nothing protects on its way."""
    if isinstance(secret, PresignedUrl) or not secret.session_token or endpoint.startswith("https:"):
        return []
    return ["the session token is sent without TLS and can be read on the way to the store: use https"]
