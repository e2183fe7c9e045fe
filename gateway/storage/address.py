"""Where an object is, and who may touch it."""

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
    """An account at a store. It shows nothing of itself, wherever it is printed."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class PresignedUrl:
    """A presigned URL of one object: whoever holds it may do what it was signed for."""

    url: str = field(repr=False)


Secret = Credentials | PresignedUrl
