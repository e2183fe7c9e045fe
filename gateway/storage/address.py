"""The address of an object, and the secrets that open its store."""

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
