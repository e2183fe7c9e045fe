"""Sessions with stores: connections and a signer, lent to one transfer at a time and kept for the next."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.session import Session
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError

from gateway.egress.bounds import LISTING_BYTES
from gateway.egress.pool import ConnectionPool, Response
from gateway.errors import Fault, StorageError
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.s3.bucket_urls import bucket_url, split_bucket
from gateway.storage.s3.errors import parse_error
from gateway.storage.s3.request_headers import account_headers, encryption_headers
from gateway.storage.s3.routing import Route, next_route
from gateway.storage.s3.signing import Signer
from gateway.storage.s3.xml_check import check_xml

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


MOST_IDLE = 4
IDLE_S = 60.0
_ENCRYPTED_CALLS = frozenset({"CreateMultipartUpload", "CompleteMultipartUpload", "ListParts"})
_FIRST_ERROR = 300  # the least status of an error
CONFIG = Config(
    signature_version="s3v4",
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    retries={"total_max_attempts": 1, "mode": "standard"},
)
_lock = threading.Lock()
_session = Session()


class StoreSession:
    """Connections to a store and the signer for its account: one transfer's, until they are returned."""

    def __init__(
        self, key: tuple[object, ...], address: S3Address, credentials: Credentials, settings: Settings
    ) -> None:
        self.key = key
        self.connections = ConnectionPool(settings)
        in_host = _is_virtual_hosted(address.endpoint, settings.virtual_hosted)
        self.route = Route(bucket_url(address, virtual_hosted=in_host), address.region)
        self._clients, self._signers = dict[Route, "S3Client"](), dict[str, Signer]()
        self._allowed, self._route_lock = settings.allowed_endpoints, threading.Lock()
        self.takes_checksums = True  # until the store refuses one
        self.signs_bodies = False  # also under TLS, once the store has refused a body that is not signed
        self.announces = True  # by `Expect: 100-continue`, until the store refuses it
        self.headers = account_headers(address, credentials)
        self.object_headers = encryption_headers(address, credentials)
        self._address, self._credentials = address, credentials

    def signer(self, route: Route) -> Signer:
        """Return the signer for the route's region."""
        known = self._signers.get(route.region)
        return known or self._signers.setdefault(route.region, Signer(route.region, self._credentials))

    def follow(self, response: Any, route: Route) -> bool:
        """Take the route that the store names in its answer to a request on this one; False for no other.

        Raises
        ------
        StorageError
            When it may not be followed.
        """
        with self._route_lock:
            if self.route == route:  # no other thread has followed meanwhile
                self.route = next_route(route, response, self._address, self._allowed) or route
            return self.route != route

    def call(self, name: str, **named: object) -> Any:
        """Call a method of the boto3 client, once more on the route that the store names."""
        route = self.route
        try:
            return getattr(self.client, name)(**named)
        except ClientError as error:
            if not self.follow(error.response, route):
                raise
        return self.call(name, **named)

    @property
    def client(self) -> "S3Client":
        """The boto3 client, for all but the bytes of an object: made when needed, since that takes long."""
        route = self.route
        if route in self._clients:
            return self._clients[route]
        with _lock, suppress(ValueError):  # boto3 makes one at a time; its errors quote the refused value
            client = _make_client(route, self._address.bucket, self._credentials, self.connections)
            client.meta.events.register("before-call.s3", self._add_headers)
            return self._clients.setdefault(route, client)
        raise StorageError("the store's client refuses endpoint or region: check both", Fault.NAME)

    def _add_headers(self, model: Any, params: Any, **_: object) -> None:
        """Add the headers of a request that boto3 makes."""
        of_object = self.object_headers if model.name in _ENCRYPTED_CALLS else {}
        params["headers"].update({**self.headers, **of_object})

    def close(self) -> None:
        """Close the connections."""
        self.connections.close()


idle_sessions: list[tuple[float, StoreSession]] = []  # and since when


def borrow_session(address: S3Address, credentials: Credentials, settings: Settings) -> StoreSession:
    """Return an idle session for the same store, account and settings, or a new one."""
    store = address.endpoint, address.region, address.bucket, address.requester_pays
    key = (*store, credentials, *_settings_key(settings))
    with _lock:
        for index, (_, session) in enumerate(idle_sessions):
            if session.key == key:
                del idle_sessions[index]
                return session
    return StoreSession(key, address, credentials, settings)


def return_session(session: StoreSession) -> None:
    """Keep the session for a while, and close those that have been idle for too long or are too many."""
    now = time.monotonic()
    with _lock:
        every = [*idle_sessions, (now, session)]
        idle_sessions[:] = [entry for entry in every[-MOST_IDLE:] if now - entry[0] <= IDLE_S]
        old = [each for since, each in every if (since, each) not in idle_sessions]
    for each in old:
        each.close()


def _close_idle() -> None:
    with _lock:
        while idle_sessions:
            idle_sessions.pop()[1].close()


os.register_at_fork(before=_close_idle)  # two processes must not speak, or say goodbye, on one connection


def _settings_key(settings: Settings) -> tuple[object, ...]:
    rate = (settings.least_rate_bytes_per_s, settings.least_rate_window_s)
    timeouts = (settings.connect_timeout_s, settings.read_timeout_s, *rate)
    hosts = (tuple(settings.allowed_endpoints), tuple(settings.virtual_hosted))
    return (*hosts, settings.ca_bundle, settings.connections, *timeouts)


def _is_virtual_hosted(endpoint: str, virtual_hosted: Sequence[str]) -> bool:
    """Return whether the store wants the bucket's name in the host's, and not in the path."""
    host = (urlsplit(endpoint).hostname or "").rstrip(".").lower()
    return any(f".{host}".endswith(f".{name.lower()}") for name in virtual_hosted)


def _make_client(
    route: Route, bucket: str, credentials: Credentials, connections: ConnectionPool
) -> "S3Client":
    """Return a client that sends all its requests over these connections, each of them once."""
    store, is_virtual = split_bucket(route.bucket_url, bucket)
    client = _session.client(
        "s3",
        endpoint_url=store,
        region_name=route.region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.session_token or None,
        config=CONFIG.merge(Config(s3={"addressing_style": "virtual" if is_virtual else "path"})),
    )

    events: Any = client.meta.events  # a handler that returns a response has answered the request
    events.register("before-send.s3", lambda request, **_: _send(connections, request))
    events.register("before-call.s3.HeadBucket", _answer_nothing)
    return client


def _answer_nothing(**_: object) -> tuple[AWSResponse, dict[str, Any]]:
    """Answer boto3's own question for the region, which it asks again for each redirect of its answer."""
    headers: Any = HeadersDict()
    return AWSResponse("", 200, headers, _ReadBody(b"")), {"ResponseMetadata": {"HTTPHeaders": {}}}


def _send(connections: ConnectionPool, request: Any) -> AWSResponse:
    # A store that puts an upload together says so with a blank every few seconds.
    ends_upload = request.method == "POST" and "uploadId=" in request.url
    answer = connections.send(
        request.method, request.url, request.headers, request.body, is_patient=ends_upload
    )
    server = "the store at {0.scheme}://{0.netloc}".format(urlsplit(request.url))
    with closing(answer):
        if answer.status >= _FIRST_ERROR:  # botocore would follow a redirect by itself
            raise ClientError(parse_error(answer, server), request.method)
        body = _read_body(answer, server)
    headers: Any = HeadersDict(answer.headers)
    return AWSResponse(request.url, answer.status, headers, _ReadBody(body))


def _read_body(answer: Response, server: str) -> bytes:
    body = answer.read(LISTING_BYTES).lstrip()  # a store sends blanks while it puts an upload together
    check_xml(body, server)
    return body


class _ReadBody:
    """A body that was read already, with the method that botocore calls."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield it at once."""
        yield self._body
