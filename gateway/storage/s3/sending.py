"""Signed requests to the bucket of one address, sent without boto3.

boto3's layers (parameters, endpoint rules, hooks, parsers) cost many times as much as the request, and a
small object is no more than its request.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote, urlencode

from botocore.exceptions import ClientError

from gateway.egress.connection import Body
from gateway.egress.curl import origin_and_target
from gateway.egress.pool import Response
from gateway.errors import StorageError
from gateway.storage.address import S3Address
from gateway.storage.s3.bucket_urls import bucket_url, check_names
from gateway.storage.s3.clients import StoreSession
from gateway.storage.s3.errors import parse_error, readable_answers
from gateway.storage.s3.routing import Route

_OK, _PARTIAL, _UNEXPECTED = 200, 206, 417
_STORED = frozenset({_OK, 201, 204})


def object_url(address: S3Address, *, virtual_hosted: bool) -> str:
    """Return the object's URL."""
    check_names(address)
    return f"{bucket_url(address, virtual_hosted=virtual_hosted)}/{quote(address.key, safe='/~')}"


class StoreRequest(NamedTuple):
    """A request for the object of an address, or for its bucket."""

    method: str
    headers: Mapping[str, str] = {}
    query: str = ""
    body: Body | None = None
    length: int | None = None
    is_of_bucket: bool = False

    def fits(self, status: int) -> bool:
        """Return whether it is the status of a success; a part is one only where a part was asked for."""
        if self.method == "PUT":
            return status in _STORED
        asks_for_part = "Range" in self.headers or "partNumber=" in self.query
        return status == _OK or (status == _PARTIAL and asks_for_part)


class RequestSender:
    """The sender of requests for one address."""

    def __init__(self, address: S3Address, session: StoreSession) -> None:
        self.address, self._session = address, session
        self._key = quote(address.key, safe="/~")
        check_names(address)

    @property
    def is_secure(self) -> bool:
        """Whether TLS protects the bytes."""
        return self._session.route.bucket_url.startswith("https:")

    def send(self, request: StoreRequest) -> Response:
        """Send a request and return its answer; an error answer is raised as ClientError."""
        announces, route = self._session.announces, self._session.route
        answer = self._send_once(request, route, announces=announces)
        if answer.status == _UNEXPECTED and announces:
            answer.close()
            self._session.announces = False
            return self.send(request)
        if request.fits(answer.status):
            return answer
        with closing(answer), readable_answers(self.address):
            if answer.status == _PARTIAL:
                raise StorageError(
                    f"the store at {self.address.endpoint} answers with a part (206) although the whole was"
                    " asked for: check endpoint, or ask the operator of the store or of the proxy before it"
                )
            error = ClientError(parse_error(answer, self.address.endpoint), request.method)
            if not self._session.follow(error.response, route):
                raise error
        return self.send(request)

    def _send_once(self, request: StoreRequest, route: Route, *, announces: bool) -> Response:
        url = route.bucket_url if request.is_of_bucket else f"{route.bucket_url}/{self._key}"
        url = f"{url}?{request.query}" if request.query else url
        # libcurl signs the text of a query as it is, which is not everywhere the form that is signed.
        of_object = {} if request.is_of_bucket else self._session.object_headers
        named = {
            "Host": origin_and_target(url)[0].netloc,
            **self._session.headers,
            **of_object,
            **request.headers,
        }
        signer = self._session.signer(route)
        signed, account = signer.signed(request.method, url, named, by_libcurl=not request.is_of_bucket)
        if request.body is not None and request.length is not None:
            request.body.seek(0)
            asks = (
                {"Expect": "100-continue"} if announces else {}
            )  # whether a body of more than 1 MiB may come
            signed = {**signed, "Content-Length": str(request.length), **asks}
        return self._session.connections.send(request.method, url, signed, request.body, account)


def encode_query(query: Mapping[str, str]) -> str:
    """Return a query in the order and form in which it is signed."""
    return urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
