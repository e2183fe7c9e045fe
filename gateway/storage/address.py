"""The address of an object, and the secrets that open its store."""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class S3Address:
    """One object of an S3 store."""

    endpoint: str
    region: str
    bucket: str
    key: str


@dataclass(frozen=True)
class Credentials:
    """The keys of an account at a store. Their printed form shows nothing of them."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class PresignedUrl:
    """A presigned URL of one object, itself a secret: it carries the permission for one request."""

    url: str = field(repr=False)


Secret = Credentials | PresignedUrl


def without_query(url: str, mark: str = "") -> str:
    """Return the URL up to its query or fragment, which may be a signature, and `mark` in place of them."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return bare if bare == url else f"{bare}{mark}"
