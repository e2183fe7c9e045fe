"""Starting a transfer: the row and its answer first, then the message."""

from collections.abc import Callable
from http import HTTPStatus

from api.once import Attempt, Shown
from api.schemas import (
    FileTransferRequest,
    FileTransferStatus,
    S3FileTransferRequest,
    S3ResultTransferRequest,
)
from gateway import transfers
from gateway.db import session_scope
from gateway.models import Transfer
from gateway.outbox import message_for
from gateway.queue import send


def start_from_url(owner: str, body: FileTransferRequest, once: Attempt) -> FileTransferStatus:
    """Commit the row of a transfer from a URL, then send its message likewise."""
    request = transfers.UrlRequest(infrastructure=body.infrastructure, src=body.src, path=body.dst)
    with session_scope() as session:
        row = transfers.create_from_url(session, owner, request)
        shown = once.keep(session, FileTransferStatus.of(row), HTTPStatus.CREATED)
    send([message_for(row)], first=True)
    return shown


def s3_request(
    kind: str, body: S3FileTransferRequest | S3ResultTransferRequest, path: str
) -> transfers.S3Request:
    """Return what a body asks for."""
    return transfers.S3Request(
        kind=kind,
        infrastructure=body.infrastructure,
        endpoint=body.endpoint,
        bucket=body.bucket,
        object=body.object,
        region=body.region,
        opening=body.opening(),
        path=path,
    )


def start(
    owner: str, request: transfers.S3Request, once: Attempt, show: Callable[[Transfer], Shown]
) -> Shown:
    """Commit the row, then send its message best effort; the sweeper sends what got lost."""
    with session_scope() as session:
        row = transfers.create(session, owner, request)
        shown = once.keep(session, show(row), HTTPStatus.CREATED)
    send([message_for(row)], first=True)
    return shown
