"""A file on a web server, read in ranges where the server offers them and the file has a version.

Else one answer holds all of it, and the answer to the first question serves the first reading: a page that is
made anew for each request may have another length, ETag and time each time.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from gateway.egress.bounds import ANSWER_BYTES, CHECKSUM_HEADER_BYTES, CODE_CHARS, REDIRECTS
from gateway.egress.headers import parse_length
from gateway.egress.policy import check_endpoint
from gateway.egress.pool import ConnectionPool, Response
from gateway.errors import Fault, Invalid, StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.settings import Settings
from gateway.storage.answer_headers import (
    Description,
    content_version,
    is_delimited,
    packing_warnings,
    page_warnings,
    retry_after_s,
    told_range,
)
from gateway.storage.remote import Readable, RemoteInfo

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_REFUSES_RANGES = frozenset({400, 416, 501})  # the last two also for a file without a byte
_BUSY = frozenset({429, 503})
_TRANSIENT = frozenset({408, 425, 500, 502, 504})
_REASONS = {
    401: "it wants a login, which the gateway does not do: use a public or a signed URL",
    403: "it gives no permission: use a public or a signed URL",
    404: "the file does not exist: check src",
    410: "the file has been removed: check src",
}
_FAULTS = {
    401: Fault.CREDENTIALS,
    403: Fault.PERMISSION,
    404: Fault.NOT_FOUND,
    410: Fault.NOT_FOUND,
}
_URL_SAFE = "%/:=&?~+!$,;'@()*[]"
_DIGESTS = {"sha-512": ("sha512", 64), "sha-256": ("sha256", 32), "sha": ("sha1", 20), "md5": ("md5", 16)}


class WebFile:
    """A file that http or https serves."""

    reasons: Mapping[int, str] = _REASONS
    advice = "check src"

    def __init__(self, url: str, settings: Settings) -> None:
        self._src = self._url = _normalize(url)  # the latter changes with redirects
        self._allowed = settings.allowed_endpoints
        self._connections = ConnectionPool(settings)
        self._first: Response | None = None  # with all of the file
        self._described: Description | None = None  # by the last answer to the question
        self._is_in_parts = True  # until the server ignores a range, or its answers contradict each other
        self.warnings: list[str] = []

    def close(self) -> None:
        """Give the connections back."""
        self._drop_first()
        self._connections.close()

    def cut(self) -> None:
        """Break all connections, so that threads that wait for one of them stop waiting."""
        self._connections.cut()

    def watched(self, watch: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `watch` while the block waits for the server; an exception of it ends that."""
        return self._connections.watched(watch)

    def ask(self) -> RemoteInfo:
        """Ask for the first byte: its answer tells the size, the version and whether there are ranges."""
        self._drop_first()
        answer = self._ask_for_byte() if self._is_in_parts else self._follow({})
        headers, size = answer.headers, _size(answer)
        if answer.status == _OK:
            self._first = answer
        else:
            answer.close()
        if answer.status == _UNSATISFIABLE and size == 0:
            return RemoteInfo(0, "", ranges=False)
        if answer.status not in {_OK, _PARTIAL}:
            raise http_error(answer, self._url, self.reasons, self.advice)
        self.warnings = [*packing_warnings(headers), *page_warnings(headers, urlsplit(self._src).path)]
        described = Description.read(headers, size)
        self._is_in_parts = self._is_in_parts and not described.repeats(self._described)
        self._described = described
        return self._describe(answer, content_version(headers), size)

    def _ask_for_byte(self) -> Response:
        """Ask for the first byte, and for the whole file where the server refuses that."""
        answer = self._follow({"Range": "bytes=0-0"})
        if answer.status not in _REFUSES_RANGES or _total(answer.headers) == 0:
            return answer
        answer.close()
        return self._follow({})

    def _drop_first(self) -> None:
        if self._first is not None:
            self._first.close()
            self._first = None

    def _describe(self, answer: Response, version: str, size: int | None) -> RemoteInfo:
        headers = answer.headers
        if answer.status == _OK:
            found = self._checksums(headers, whole=True)
            return RemoteInfo(
                size, version, ranges=False, checksums=found, is_delimited=is_delimited(headers)
            )
        ranges = size is not None and bool(version) and self._is_in_parts
        checksums = self._checksums(headers, whole=False) or self._checksums_of_whole(version)
        return RemoteInfo(size, version, ranges=ranges, checksums=checksums)

    @contextmanager
    def read(self, info: RemoteInfo, start: int, stop: int | None) -> Iterator[Readable]:
        """Open a range of the file as it was when `info` was asked for; without ranges, all of it."""
        first, self._first = self._first, None
        is_part = info.ranges and (start, stop) != (0, info.size)
        headers = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"} if is_part else {}
        with closing(first or self._open(headers)) as answer:
            if first is None:
                self._check(answer, info, start if is_part else None)
            yield answer

    def _checksums(self, headers: Mapping[str, str], *, whole: bool) -> dict[str, str]:
        return _digests(headers, whole=whole)

    def _checksums_of_whole(self, version: str) -> dict[str, str]:
        """Ask for the digests that come with the whole file only; a server without HEAD has none."""
        with suppress(StorageUnavailable), closing(self._send(self._url, {}, "HEAD")) as answer:
            answer.read(ANSWER_BYTES)
            if answer.status == _OK and content_version(answer.headers) == version:
                return self._checksums(answer.headers, whole=True)
        return {}

    def _open(self, headers: dict[str, str]) -> Response:
        """Ask the redirects' target, and follow them from `src` on again when that has expired."""
        answer = self._send(self._url, headers)
        if answer.status not in _FAULTS or self._url == self._src:
            return answer
        answer.close()
        return self._follow(headers)

    def _check(self, answer: Response, info: RemoteInfo, start: int | None) -> None:
        if answer.status not in {_OK, _PARTIAL, _UNSATISFIABLE}:
            raise http_error(answer, self._url, self.reasons, self.advice)
        if _is_other(answer, info):
            raise StorageChanged(f"{_without_query(self._url)} was changed while it was read")
        if start is None and answer.status != _OK:
            raise StorageError(f"{_origin(self._url)} does not serve ranges as asked")
        if start is not None and (told_range(answer.headers) or (None,))[0] != start:
            self._is_in_parts = False
            raise StorageChanged(f"{_origin(self._url)} does not serve ranges as asked; it is tried again")

    def _follow(self, headers: dict[str, str]) -> Response:
        """Send the request and follow redirects, each of them judged like the first address."""
        url = self._src
        for _ in range(REDIRECTS + 1):
            answer = self._send(url, headers)
            if answer.status not in _REDIRECTS:
                self._url = url
                return answer
            answer.close()
            url = self._target(url, answer.headers.get("location", ""))
        raise StorageError(f"{_origin(url)} redirects more than {REDIRECTS} times: {self.advice}")

    def _target(self, url: str, location: str) -> str:
        try:
            target = _normalize(urljoin(url, _read_location(location)))
            check_endpoint(target, self._allowed, "src")
        except ValueError:
            raise StorageError(f"{_origin(url)} redirects to no URL: {self.advice}") from None
        except Invalid as error:
            raise StorageError(f"{_origin(url)} redirects to a forbidden address: {error.detail}") from error
        if url.startswith("https:") and not target.startswith("https:"):
            raise StorageError(f"{_origin(url)} redirects from https to http: use another src")
        return target

    def _send(self, url: str, headers: Mapping[str, str], method: str = "GET") -> Response:
        return self._connections.send(method, url, headers)


def _normalize(url: str) -> str:
    """Return the URL as it is sent: ASCII, and without the fragment."""
    parts = urlsplit(url)
    path, query = quote(parts.path or "/", safe=_URL_SAFE), quote(parts.query, safe=_URL_SAFE)
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _read_location(text: str) -> str:
    """Return the target of a redirect, which many servers send in UTF-8; raise ValueError for none."""
    if not text:
        raise ValueError("no location")
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        return text


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _without_query(url: str) -> str:
    """Return the URL without its query: that of a signed URL is a secret."""
    return _origin(url) + urlsplit(url).path


def _total(headers: Mapping[str, str]) -> int | None:
    found = re.search(r"/([0-9]+)$", headers.get("content-range", ""))
    return parse_length(found[1]) if found else None


def _size(answer: Response) -> int | None:
    """Return the size of the whole file; None where the answer does not hold it.

    A length beside a transfer coding is of something else, or false.
    """
    if answer.status != _OK:
        return _total(answer.headers)
    if "transfer-encoding" in answer.headers:
        return None
    return parse_length(answer.headers.get("content-length", ""))


def _is_other(answer: Response, info: RemoteInfo) -> bool:
    """Return whether the answer is of another file: its version or size differs, or the range is gone.

    A file in one piece is of one version, whichever that is.
    """
    is_part = info.ranges and info.version
    if answer.status == _UNSATISFIABLE or (is_part and content_version(answer.headers) != info.version):
        return True
    return None not in {info.size, size := _size(answer)} and size != info.size


def _digests(headers: Mapping[str, str], *, whole: bool) -> dict[str, str]:
    """Return the digests of the whole file, in hex: RFC 9530, RFC 3230, Content-MD5.

    Two of them are of the body that they come with, so of the file where it comes `whole`. A value of another
    length, as of some servers that write it in hex, is none.
    """
    read = {name: value for name, value in headers.items() if len(value) <= CHECKSUM_HEADER_BYTES}
    content = read.get("content-digest", "") if whole else ""
    pairs = re.findall(r"([\w-]+)=:?([A-Za-z0-9+/]+=*):?", f"{content},{read.get('repr-digest', '')}")
    pairs += re.findall(r"([\w-]+)=([A-Za-z0-9+/]+=*)", read.get("digest", ""))
    if whole and "content-md5" in read:
        pairs.append(("md5", read["content-md5"]))
    found: dict[str, str] = {}
    for name, value in pairs:
        algorithm, length = _DIGESTS.get(name.lower(), ("", 0))
        with suppress(ValueError):
            if algorithm and len(digest := b64decode(value, validate=True)) == length:
                found[algorithm] = digest.hex()
    return found


def http_error(answer: Response, url: str, reasons: Mapping[int, str], advice: str) -> StorageError:
    """Return the error for an answer that is not the file."""
    status = answer.status
    reply = f"{_without_query(url)} answers {status} {answer.reason[:CODE_CHARS]}".rstrip()
    if status in _BUSY:
        return StorageBusy(f"{reply}; it is tried again", after_s=retry_after_s(answer.headers))
    if status in _TRANSIENT:
        return StorageUnavailable(f"{reply}; it is tried again")
    return StorageError(f"{reply}: {reasons.get(status, advice)}", _FAULTS.get(status))
