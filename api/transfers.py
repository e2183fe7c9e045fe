"""Starting a transfer: the row first, then the message, then the answer."""

from api.schemas import FileTransferRequest, S3FileTransferRequest, S3ResultTransferRequest
from gateway import transfers
from gateway.db import session_scope
from gateway.models import Transfer
from gateway.outbox import message_for
from gateway.queue import send


def start_from_url(owner: str, body: FileTransferRequest) -> Transfer:
    """Commit the row of a transfer from a URL, then send its message likewise."""
    request = transfers.UrlRequest(infrastructure=body.infrastructure, src=body.src, path=body.dst)
    with session_scope() as session:
        row = transfers.create_from_url(session, owner, request)
    send([message_for(row)], first=True)
    return row


def start(
    owner: str, kind: str, body: S3FileTransferRequest | S3ResultTransferRequest, path: str
) -> Transfer:
    """Commit the row, then send its message best effort; the sweeper sends what got lost."""
    request = transfers.S3Request(
        kind=kind,
        infrastructure=body.infrastructure,
        endpoint=body.endpoint,
        bucket=body.bucket,
        object=body.object,
        region=body.region,
        opening=body.opening(),
        path=path,
    )
    with session_scope() as session:
        row = transfers.create(session, owner, request)
    send([message_for(row)], first=True)
    return row
