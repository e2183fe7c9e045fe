"""The record of buckets whose ETags are MD5s: there a different ETag means wrong bytes."""

from functools import cached_property, lru_cache
from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError

from gateway.db import session_scope
from gateway.egress.curl import origin_and_target
from gateway.models import Md5Etags

_MOST_KNOWN = 10_000  # buckets that a process remembers


class BucketEtags:
    """The record of one bucket."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        self._endpoint, self._bucket = endpoint, bucket

    @cached_property
    def _key(self) -> tuple[str, str]:
        origin, _ = origin_and_target(self._endpoint)
        return f"{origin.url}{urlsplit(self._endpoint).path.rstrip('/')}", self._bucket

    def were_md5s(self) -> bool:
        """Return whether an ETag of this bucket was the MD5 of its object before."""
        with session_scope(read_only=True) as session:
            return session.get(Md5Etags, self._key) is not None

    def record_md5(self) -> None:
        """Record that an ETag was the MD5 of its object."""
        _record(*self._key)


@lru_cache(_MOST_KNOWN)
def _record(endpoint: str, bucket: str) -> None:
    """Insert the bucket, once a process."""
    with session_scope() as session:
        if session.get(Md5Etags, (endpoint, bucket)) is not None:
            return
        try:
            with session.begin_nested():
                session.add(Md5Etags(endpoint=endpoint, bucket=bucket))
        except IntegrityError:
            pass  # another worker inserted it a moment earlier
