"""Signed requests to the bucket of one address, sent without boto3.

boto3's layers (parameters, endpoint rules, hooks, parsers) cost many times as much as the request, and a
small object is no more than its request.
"""

import re
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from botocore.exceptions import ClientError
from botocore.parsers import RestXMLParser
from botocore.utils import check_dns_name

from gateway.egress.bounds import ERROR_BYTES
from gateway.egress.connection import Body
from gateway.egress.curl import origin_and_target
from gateway.egress.pool import Response
from gateway.errors import Fault, StorageError
from gateway.storage.address import S3Address
from gateway.storage.s3.clients import StoreSession
from gateway.storage.s3.errors import readable_answers
from gateway.storage.s3.xml_check import error_body

_BUCKET = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")  # as boto3 has it
_ERRORS: Any = RestXMLParser()
_OK, _PARTIAL, _UNEXPECTED = 200, 206, 417
_STORED = frozenset({_OK, 201, 204})


def bucket_url(address: S3Address, *, virtual_hosted: bool) -> str:
    """Return the bucket's URL: its name in the path, or in the host's name where that can hold it.

    Raises
    ------
    StorageError
        When no store could have a bucket of that name, or an object without one.
    """
    if not _BUCKET.fullmatch(address.bucket) or not address.key:
        raise StorageError("the store's client refuses bucket or object: check both", Fault.NAME)
    store = urlsplit(address.endpoint)
    path = store.path.rstrip("/")
    if virtual_hosted and check_dns_name(address.bucket):
        return urlunsplit((store.scheme, f"{address.bucket}.{store.netloc}", path, "", ""))
    return urlunsplit((store.scheme, store.netloc, f"{path}/{address.bucket}", "", ""))


def object_url(address: S3Address, *, virtual_hosted: bool) -> str:
    """Return the object's URL."""
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
        self._bucket_url = bucket_url(address, virtual_hosted=session.virtual_hosted)
        self._object_url = object_url(address, virtual_hosted=session.virtual_hosted)
        self._host = origin_and_target(self._object_url)[0].netloc

    @property
    def is_secure(self) -> bool:
        """Whether TLS protects the bytes."""
        return self._bucket_url.startswith("https:")

    def send(self, request: StoreRequest) -> Response:
        """Send a request and return its answer; an error answer is raised as ClientError."""
        announces = self._session.announces
        answer = self._send_once(request, announces=announces)
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
            raise ClientError(parse_error(answer, self.address.endpoint), request.method)

    def _send_once(self, request: StoreRequest, *, announces: bool) -> Response:
        url = self._bucket_url if request.is_of_bucket else self._object_url
        url = f"{url}?{request.query}" if request.query else url
        # libcurl signs the text of a query as it is, which is not everywhere the form that is signed.
        of_object = {} if request.is_of_bucket else self._session.object_headers
        named = {"Host": self._host, **self._session.headers, **of_object, **request.headers}
        signer = self._session.signer
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


def parse_error(answer: Response, endpoint: str) -> Any:
    """Return the store's description of an error, as boto3 does; of a long one that of its status."""
    body = error_body(answer.read_start(ERROR_BYTES + 1), endpoint)
    response = {"status_code": answer.status, "headers": answer.headers, "body": body, "context": {}}
    return _ERRORS.parse(response, None)
