"""Files of this machine on their way to a store and back, by presigned URLs or with the keys of a store."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from uuid import uuid4

import httpx

from hpc_gateway_client.errors import StoreFailed
from hpc_gateway_client.models import Upload

Progress = Callable[[int], None]
PIECE_BYTES = 1 << 20
TIMEOUT_S = 60.0
_UPLOAD_ID = re.compile(r"<UploadId>([^<]+)</UploadId>")


def put_file(file: Path, request: Upload, progress: Progress | None = None) -> None:
    """Upload a file with a presigned request."""
    with file.open("rb") as opened:
        _send(request, _pieces(opened.fileno(), 0, file.stat().st_size, progress))


def start_parts(request: Upload) -> str:
    """Start an upload in parts, and return the store's id of it."""
    found = _UPLOAD_ID.search(_send(request).text)
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
            answer = _send(part, _pieces(opened.fileno(), start, size, progress))
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
    partial = file.with_name(f".{file.name}.{uuid4().hex[:8]}")
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_S) as answer, partial.open("xb") as opened:
            if not answer.is_success:
                raise StoreFailed(f"the result was not downloaded: the store answers {answer.status_code}")
            for piece in answer.iter_raw(PIECE_BYTES):
                opened.write(piece)
        partial.replace(file)
    except (httpx.HTTPError, OSError) as error:
        raise StoreFailed(f"the result was not downloaded to {file}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _send(request: Upload, content: Iterator[bytes] | bytes = b"") -> httpx.Response:
    try:
        answer = httpx.request(
            request.method, request.url, headers=request.headers, content=content, timeout=TIMEOUT_S
        )
    except (httpx.HTTPError, OSError) as error:
        raise StoreFailed(f"the file was not uploaded: {error}") from error
    if not answer.is_success:
        raise StoreFailed(
            f"the file was not uploaded: the store answers {answer.status_code}: {answer.text[:300]}"
        )
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
