"""Requests for the bytes of an object: signed and sent without boto3.

boto3's layers (parameters, endpoint rules, hooks, parsers) cost many times as much as the request, and a
small object is no more than its request.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from botocore.exceptions import ClientError
from botocore.parsers import RestXMLParser
from botocore.utils import check_dns_name

from gateway.egress.bounds import ANSWER_BYTES, ERROR_BYTES
from gateway.egress.connection import Body
from gateway.egress.curl import origin_and_target
from gateway.egress.headers import parse_length
from gateway.egress.pool import Response
from gateway.errors import Fault, StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.checksums import compute_digests
from gateway.storage.s3.checksum_headers import decode_checksum, etag_md5
from gateway.storage.s3.clients import StoreSession
from gateway.storage.s3.errors import readable_answers, refuses_checksum
from gateway.storage.s3.signing import PAYLOAD
from gateway.storage.s3.xml_check import error_body
from gateway.storage.store import Payload, StoredPart

_BUCKET = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")  # as boto3 has it
_ERRORS: Any = RestXMLParser()
_FINE = frozenset({200, 206})
CHECKSUM = "x-amz-checksum-crc64nvme"
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


def object_url(address: S3Address, *, virtual_hosted: bool) -> str:
    """Return the object's URL: its bucket in the path, or in the host's name where that can hold it.

    Raises
    ------
    StorageError
        When no store could have a bucket of that name, or an object without one.
    """
    if not _BUCKET.fullmatch(address.bucket) or not address.key:
        raise StorageError("the store's client refuses bucket or object: check both", Fault.NAME)
    store, key = urlsplit(address.endpoint), quote(address.key, safe="/~")
    path = store.path.rstrip("/")
    if virtual_hosted and check_dns_name(address.bucket):
        return urlunsplit((store.scheme, f"{address.bucket}.{store.netloc}", f"{path}/{key}", "", ""))
    return urlunsplit((store.scheme, store.netloc, f"{path}/{address.bucket}/{key}", "", ""))


class Checked(Protocol[Result_co]):
    """A request to a store, with a checksum or without."""

    def __call__(self, *, checked: bool) -> Result_co:
        """Send it."""


class ObjectRequests:
    """GET, HEAD and PUT of one object."""

    def __init__(self, address: S3Address, session: StoreSession) -> None:
        self._address, self._session = address, session
        self._url = object_url(address, virtual_hosted=session.virtual_hosted)
        self._host = origin_and_target(self._url)[0].netloc

    def get(self, headers: Mapping[str, str]) -> Response:
        """Ask for the object or some of it, with all checksums that the store has of it."""
        return self._send("GET", self._url, {"x-amz-checksum-mode": "ENABLED", **headers})

    def head(self, query: str = "") -> Mapping[str, str]:
        """Ask for the headers that would come with the object, or with a part of it."""
        with closing(self._send("HEAD", f"{self._url}?{query}" if query else self._url, {})) as answer:
            answer.read(ANSWER_BYTES)
            return answer.headers

    def content_length(self, headers: Mapping[str, str]) -> int:
        """Return the length in the headers of an answer."""
        length = parse_length(headers.get("content-length", ""))
        if length is None:
            endpoint = self._address.endpoint
            raise StorageError(f"the store at {endpoint} does not say how long an object is")
        return length

    def check_size(self, size: int) -> None:
        """Raise StorageUnavailable unless the store has so many bytes of the object."""
        stored = self.content_length(self.head())
        if stored != size:
            key = self._address.key
            raise StorageUnavailable(f"the store has {stored} of {size} bytes of {key!r}; it is tried again")

    def digest(self, data: Payload) -> Mapping[str, bytes]:
        """Return the digests to send with the data: one that the store checks and keeps.

        Where TLS does not protect the data, its SHA-256 is signed as well.
        """
        is_secure = self._url.startswith("https:")
        return compute_digests(data.pieces(), ["crc64nvme"] if is_secure else ["crc64nvme", "sha256"])

    def put(self, data: Payload, digests: Mapping[str, bytes], query: str = "") -> StoredPart:
        """Send data that has these digests, and raise StorageUnavailable where the store has other bytes."""
        url, size = f"{self._url}?{query}" if query else self._url, len(data)
        signed = {PAYLOAD: digests["sha256"].hex()} if "sha256" in digests else {}
        checksum = {CHECKSUM: b64encode(digests["crc64nvme"]).decode()}

        def act(*, checked: bool) -> Mapping[str, str]:
            data.seek(0)
            headers = checksum | signed if checked else signed
            with closing(self._send("PUT", url, headers, data, size)) as answer:
                answer.read(ANSWER_BYTES)
                return answer.headers

        stored = _read_stored_part(self.with_checksum(act), size)
        if has_bytes(stored, data, digests) is False:
            key = self._address.key
            raise StorageUnavailable(
                f"the store's bytes of {key!r} differ from those sent; it is tried again"
            )
        return stored

    def with_checksum(self, act: Checked[Result]) -> Result:
        """Send a request with a checksum; a store that refuses it gets none from then on."""
        if self._session.takes_checksums:
            try:
                return act(checked=True)
            except ClientError as error:
                if not refuses_checksum(error.response):
                    raise
        result = act(checked=False)
        self._session.takes_checksums = False  # known only now: the refusal may have had another reason
        return result

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        length: int | None = None,
    ) -> Response:
        """Send a request and return its answer; an error answer is raised as ClientError."""
        signed, account = self._session.signer.signed(method, url, {"Host": self._host, **headers})
        if length is not None:  # of more than 1 MiB the store is asked first whether it may come
            signed = {**signed, "Content-Length": str(length), "Expect": "100-continue"}
        answer = self._session.connections.send(method, url, signed, body, account)
        if answer.status in _FINE:
            return answer
        with closing(answer), readable_answers(self._address):
            raise ClientError(_parse_error(answer, self._address.endpoint), method)


def has_bytes(stored: StoredPart, data: Payload, digests: Mapping[str, bytes]) -> bool | None:
    """Return whether the store has these very bytes; None where its answer holds no checksum."""
    if stored.crc64nvme is not None:
        return stored.crc64nvme == digests["crc64nvme"]
    return None if stored.md5 is None else compute_digests(data.pieces(), ["md5"])["md5"].hex() == stored.md5


def _read_stored_part(headers: Mapping[str, str], size: int) -> StoredPart:
    crc = decode_checksum("crc64nvme", headers.get(CHECKSUM, ""))
    return StoredPart(headers.get("etag", ""), size, crc, etag_md5(headers))


def _parse_error(answer: Response, endpoint: str) -> Any:
    """Return the store's description of an error, as boto3 does; of a long one that of its status."""
    body = error_body(answer.read_start(ERROR_BYTES + 1), endpoint)
    response = {"status_code": answer.status, "headers": answer.headers, "body": body, "context": {}}
    return _ERRORS.parse(response, None)
