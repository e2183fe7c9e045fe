"""What speaks to a store, lent to one transfer at a time and kept warm for the next."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.session import Session
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config

from gateway.egress.pool import ConnectionPool
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.s3.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


KEPT = 4
KEPT_S = 60.0
CONFIG = Config(
    signature_version="s3v4",
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    retries={"total_max_attempts": 1, "mode": "standard"},
)
_lock = threading.Lock()
_session = Session()


class StoreSession:
    """The connections to a store and who signs for them: one transfer's, until it gives them back."""

    def __init__(
        self, key: tuple[object, ...], address: S3Address, credentials: Credentials, settings: Settings
    ) -> None:
        self.key = key
        self.connections = ConnectionPool(settings)
        self.virtual_hosted = _is_virtual_hosted(address.endpoint, settings.virtual_hosted)
        self.signer = Signer(address.region, credentials)
        self.takes_checksums = True  # until it is found that the store does not
        self._address, self._credentials = address, credentials

    @cached_property
    def client(self) -> "S3Client":
        """The boto3 client, for all but the bytes of an object: made when needed, for it is slow to make."""
        with _lock:  # boto3 makes one at a time
            return _make(self._address, self._credentials, self.connections, virtual=self.virtual_hosted)

    def close(self) -> None:
        """Close the connections."""
        self.connections.close()


kept: list[tuple[float, StoreSession]] = []


def borrow_session(address: S3Address, credentials: Credentials, settings: Settings) -> StoreSession:
    """Return what speaks to the store, one that was used before where there is one."""
    key = (address.endpoint, address.region, credentials, *_limits(settings))
    with _lock:
        for index, (_, lent) in enumerate(kept):
            if lent.key == key:
                del kept[index]
                return lent
    return StoreSession(key, address, credentials, settings)


def return_session(lent: StoreSession) -> None:
    """Keep it for a while for whoever needs the like, and let go of those kept for too long."""
    now = time.monotonic()
    with _lock:
        kept.append((now, lent))
        old = [each for since, each in kept[:-KEPT]] + [e for s, e in kept[-KEPT:] if now - s > KEPT_S]
        kept[:] = [(since, each) for since, each in kept if each not in old]
    for each in old:
        each.close()


def _let_go() -> None:
    with _lock:
        while kept:
            kept.pop()[1].close()


os.register_at_fork(before=_let_go)  # two processes must not speak, or say goodbye, on one connection


def _limits(settings: Settings) -> tuple[object, ...]:
    timeouts = (settings.connect_timeout_s, settings.read_timeout_s)
    hosts = (tuple(settings.allowed_endpoints), tuple(settings.virtual_hosted))
    return (*hosts, settings.ca_bundle, settings.connections, *timeouts)


def _is_virtual_hosted(endpoint: str, virtual_hosted: Sequence[str]) -> bool:
    """Tell where the store wants the bucket's name: in the host's, or in the path."""
    host = (urlsplit(endpoint).hostname or "").rstrip(".").lower()
    with suppress(ValueError):
        ip_address(host)
        return False  # no name can stand before a number
    return any(f".{host}".endswith(f".{name.lower()}") for name in virtual_hosted)


def _make(
    address: S3Address, credentials: Credentials, connections: ConnectionPool, *, virtual: bool
) -> "S3Client":
    """Make a client whose requests all go over these connections. Retries are ours: it makes none."""
    client = _session.client(
        "s3",
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=CONFIG.merge(Config(s3={"addressing_style": "virtual" if virtual else "path"})),
    )

    events: Any = client.meta.events  # a handler that returns a response has answered the request
    events.register("before-send.s3", lambda request, **_: _answer(connections, request))
    return client


def _answer(connections: ConnectionPool, request: Any) -> AWSResponse:
    answer = connections.send(request.method, request.url, request.headers, request.body)
    with closing(answer):
        whole = _Whole(answer.read())
    headers: Any = HeadersDict(answer.headers)
    return AWSResponse(request.url, answer.status, headers, whole)


class _Whole:
    """A body that was read already, as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield it at once."""
        yield self._body
