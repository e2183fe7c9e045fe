"""Files of this machine on their way to a store and back, by presigned URLs or with the keys of a store."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx

from hpc_gateway_client.answers import read_content
from hpc_gateway_client.errors import StoreFailed
from hpc_gateway_client.uploads import Upload

Progress = Callable[[int], None]
Result = TypeVar("Result")
MOST_SAID = 300  # characters of a refusal
PAUSES_S = (1.0, 4.0)  # before the second and the third try
PIECE_BYTES = 1 << 20
TIMEOUT_S = 60.0
_UPLOAD_ID = re.compile(r"<UploadId>([^<]+)</UploadId>")


class StoreAway(StoreFailed):
    """The connection broke, or the store answered with an error of its own: the same request may succeed."""


def _repeat(send: Callable[[], Result]) -> Result:
    """Send a request, and up to twice more while the store is away."""
    for pause_s in PAUSES_S:
        try:
            return send()
        except StoreAway:
            time.sleep(pause_s)
    return send()


def put_file(file: Path, request: Upload, progress: Progress | None = None) -> None:
    """Upload a file with a presigned request."""
    with file.open("rb") as opened:
        size = file.stat().st_size
        _repeat(lambda: _send(request, _pieces(opened.fileno(), 0, size, progress)))


def start_parts(request: Upload) -> str:
    """Start an upload in parts, and return the store's id of it."""
    found = _UPLOAD_ID.search(_repeat(lambda: _send(request)).text)
    if found is None:
        raise StoreFailed("the store does not name the upload that it has started")
    return found[1]


def put_parts(
    file: Path, parts: Sequence[Upload], complete: Upload, progress: Progress | None = None
) -> None:
    """Upload the parts of a file, and let the store put them together."""
    tags, start = list[str](), 0
    with file.open("rb") as opened:
        for part in parts:
            size = int(part.headers["Content-Length"])
            answer = _repeat(partial(_send_part, part, opened.fileno(), start, size, progress))
            tags.append(answer.headers["ETag"])
            start += size
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
    if "<Error>" in _send(complete, body.encode()).text:
        raise StoreFailed("the store did not put the parts together")


def save_url(url: str, file: Path) -> None:
    """Write the content of a presigned URL to a file, which is replaced when every byte has arrived."""
    _save(file, lambda beside: _repeat(lambda: _fetch(url, beside)))


def save_answer(answer: httpx.Response, file: Path) -> None:
    """Write an answer of the gateway to a file, or raise Refused."""
    if answer.is_error:
        read_content(answer)
    _save(file, lambda beside: beside.write_bytes(answer.content))


def _save(file: Path, write: Callable[[Path], object]) -> None:
    """Let a file be written beside its place, which it takes when it is whole."""
    beside = file.with_name(f".{file.name}.{uuid4().hex[:8]}")
    try:
        write(beside)
        beside.replace(file)
    except OSError as error:
        raise StoreFailed(f"the result was not downloaded to {file}: {error}") from error
    finally:
        beside.unlink(missing_ok=True)


def _fetch(url: str, file: Path) -> None:
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_S) as answer, file.open("wb") as opened:
            if not answer.is_success:
                said = next(answer.iter_text(MOST_SAID), "")
                raise _refusal(answer.status_code, said, "the result was not downloaded")
            for piece in answer.iter_raw(PIECE_BYTES):
                opened.write(piece)
    except httpx.HTTPError as error:
        raise StoreAway(f"the result was not downloaded: {error}") from error


def _refusal(status: int, said: str, failure: str) -> StoreFailed:
    """Return the error of an answer of the store's; an error of its own, or "slow down", may pass."""
    passing = httpx.codes.is_server_error(status) or status == httpx.codes.TOO_MANY_REQUESTS
    kind = StoreAway if passing else StoreFailed
    return kind(f"{failure}: the store answers {status}: {said[:MOST_SAID]}")


def _send_part(
    part: Upload, descriptor: int, start: int, size: int, progress: Progress | None
) -> httpx.Response:
    return _send(part, _pieces(descriptor, start, size, progress))


def _send(request: Upload, content: Iterator[bytes] | bytes = b"") -> httpx.Response:
    try:
        answer = httpx.request(
            request.method, request.url, headers=request.headers, content=content, timeout=TIMEOUT_S
        )
    except httpx.HTTPError as error:
        raise StoreAway(f"the file was not uploaded: {error}") from error
    except OSError as error:
        raise StoreFailed(f"the file was not uploaded: {error}") from error
    if not answer.is_success:
        raise _refusal(answer.status_code, answer.text, "the file was not uploaded")
    return answer


def _pieces(descriptor: int, start: int, size: int, progress: Progress | None) -> Iterator[bytes]:
    while size > 0:
        piece = os.pread(descriptor, min(size, PIECE_BYTES), start)
        if not piece:
            raise StoreFailed("the file has become shorter while it was uploaded")
        yield piece
        start, size = start + len(piece), size - len(piece)
        if progress is not None:
            progress(len(piece))
