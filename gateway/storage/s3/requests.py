"""Reading and writing an object: requests that are signed and sent without the rest of boto3.

For these a client's layers (parameters, endpoint rules, hooks, parsers) cost many times what the request
costs, and a small object is nothing but its request.
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

from gateway.egress.connection import Body
from gateway.egress.curl import origin_and_target
from gateway.egress.pool import Response
from gateway.errors import Fault, StorageError
from gateway.storage.address import S3Address
from gateway.storage.s3.clients import StoreSession
from gateway.storage.s3.errors import refuses_checksum
from gateway.storage.s3.signing import PAYLOAD

_BUCKET = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")  # what boto3 lets pass
_ERRORS: Any = RestXMLParser()
_MOST_OF_AN_ERROR_BYTES = 64 << 10
_FINE = frozenset({200, 206})
CHECKSUM = "x-amz-checksum-crc64nvme"
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


def object_url(address: S3Address, *, virtual_hosted: bool) -> str:
    """Return where the object is: its bucket in the path, or in the host's name where that can hold it.

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
    """Something that is done at a store, with a checksum or without."""

    def __call__(self, *, checked: bool) -> Result_co:
        """Do it."""


class ObjectRequests:
    """GET, HEAD and PUT of one object."""

    def __init__(self, address: S3Address, lent: StoreSession) -> None:
        self._lent = lent
        self._url = object_url(address, virtual_hosted=lent.virtual_hosted)
        self._host = origin_and_target(self._url)[0].netloc

    def get(self, headers: Mapping[str, str]) -> Response:
        """Ask for the object or some of it, with all checksums that the store has of it."""
        return self._fine("GET", self._url, {"x-amz-checksum-mode": "ENABLED", **headers})

    def head(self, query: str = "") -> Mapping[str, str]:
        """Ask for the headers that would come with the object, or with a part of it."""
        with closing(self._fine("HEAD", f"{self._url}?{query}" if query else self._url, {})) as answer:
            answer.read()
            return answer.headers

    @property
    def digests(self) -> tuple[str, ...]:
        """Which digests of a body are wanted before it is sent: one that the store checks and keeps.

        Where TLS does not protect the body, its SHA-256 is signed as well.
        """
        return ("crc64nvme",) if self._url.startswith("https:") else ("crc64nvme", "sha256")

    def put(
        self, body: bytes | Body, length: int, digests: Mapping[str, bytes], query: str = ""
    ) -> Mapping[str, str]:
        """Send bytes that have these digests; return the headers of the store's answer."""
        url = f"{self._url}?{query}" if query else self._url
        signed = {PAYLOAD: digests["sha256"].hex()} if "sha256" in digests else {}
        checksum = {CHECKSUM: b64encode(digests["crc64nvme"]).decode()}

        def act(*, checked: bool) -> Mapping[str, str]:
            if not isinstance(body, bytes):
                body.seek(0)
            headers = checksum | signed if checked else signed
            with closing(self._fine("PUT", url, headers, body, length)) as answer:
                answer.read()
                return answer.headers

        return self.checked(act)

    def checked(self, act: Checked[Result]) -> Result:
        """Do what has a checksum with it; a store that refuses that gets it without, from then on."""
        if self._lent.takes_checksums:
            try:
                return act(checked=True)
            except ClientError as error:
                if not refuses_checksum(error.response):
                    raise
        result = act(checked=False)
        self._lent.takes_checksums = False  # known only now: what was refused may have been something else
        return result

    def _fine(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Body | None = None,
        length: int | None = None,
    ) -> Response:
        signed, account = self._lent.signer.signed(method, url, {"Host": self._host, **headers})
        if length is not None:  # of more than 1 MiB the store is asked first whether it may come
            signed = {**signed, "Content-Length": str(length), "Expect": "100-continue"}
        answer = self._lent.connections.send(method, url, signed, body, account)
        if answer.status in _FINE:
            return answer
        with closing(answer):
            raise ClientError(_told(answer), method)


def _told(answer: Response) -> Any:
    """Return what the store says of an error, as boto3 does."""
    said = {
        "status_code": answer.status,
        "headers": answer.headers,
        "body": answer.read(_MOST_OF_AN_ERROR_BYTES),
        "context": {},
    }
    return _ERRORS.parse(said, None)
