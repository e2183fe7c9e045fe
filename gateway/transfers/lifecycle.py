"""The life of a transfer: draft, complete, cancel and clean up, each in the transaction of the caller."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.clusters import catalog
from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.path_hints import meant_place
from gateway.credentials import sealing
from gateway.credentials import stored as stored_credentials
from gateway.db import db_now, utc_now
from gateway.egress.policy import check_endpoint
from gateway.errors import Conflict, GatewayError, Invalid
from gateway.jobs import lifecycle as jobs
from gateway.jobs.attempts import PathCheck
from gateway.models import Transfer
from gateway.models.base import new_row
from gateway.settings import get_settings
from gateway.states import TransferState, is_final
from gateway.storage.address import PresignedUrl, Secret, StoredKeys, secret_warnings
from gateway.storage.own_store import check_foreign, own_store
from gateway.storage.presigned_check import check_presigned
from gateway.tables.judgement import request_judgements
from gateway.transfers.outcome import NO_OUTCOME, Outcome
from gateway.transfers.prefixes import cancel_children
from gateway.work.acceptance import Draft
from gateway.work.claims import Claim, lock_claimed
from gateway.work.failures import finish_cancel
from gateway.work.statuses import missing
from gateway.work.transitions import move, note
from gateway.work.yielding import has_too_many_fixed

_SHOWN = 200  # letters of a path in a warning


class JobFailed(GatewayError):
    """The latest job that publishes the result has failed."""

    status = 409
    title = "Job failed"


@dataclass(frozen=True)
class S3Request:
    """A request to move one object, in either direction; `path` is the cluster's end of it."""

    kind: str
    infrastructure: str
    endpoint: str
    bucket: str
    object: str
    region: str
    opening: Secret | StoredKeys
    path: str
    requester_pays: bool = False
    overwrite: bool = True


@dataclass(frozen=True)
class OwnStoreRequest:
    """A request of the gateway's to move an object of its own bucket for an owner."""

    kind: str
    infrastructure: str
    object: str
    path: str


@dataclass(frozen=True)
class UrlRequest:
    """A request to bring a file of a web or FTP server to the cluster."""

    infrastructure: str
    src: str
    path: str
    overwrite: bool = True


def draft_from_url(session: Session, owner: str, request: UrlRequest) -> Draft:
    """Return the checked row of a transfer from a URL, or raise Invalid or NotFound."""
    cluster = catalog.get_cluster(session, request.infrastructure)
    check_endpoint(request.src, get_settings().allowed_endpoints, "src", schemes=("http", "https", "ftp"))
    check_foreign(request.src, get_settings(), "src")
    path = _name_file(request.path, unquote(urlsplit(request.src).path))
    _check_path(session, cluster, owner, path, "dst")
    row = new_row(
        Transfer,
        owner=owner,
        kind="data",
        infrastructure=request.infrastructure,
        endpoint=request.src,
        bucket="",
        object="",
        region="",
        path=path,
        overwrite=request.overwrite,
        warnings=_place_warnings(path),
    )
    return Draft(row, cluster)


def draft(session: Session, owner: str, request: S3Request) -> Draft:
    """Return the checked row of a transfer with a store, or raise Invalid or NotFound."""
    cluster = catalog.get_cluster(session, request.infrastructure)
    check_endpoint(request.endpoint, get_settings().allowed_endpoints, "endpoint")
    check_foreign(request.endpoint, get_settings(), "bucket", request.bucket)
    path = request.path
    if request.kind == "s3_data" and not request.object.endswith("/"):
        path = _name_file(path, request.object)
    _check_path(session, cluster, owner, path, "src" if request.kind == "s3_result" else "dst")
    secret = stored_credentials.resolve_secret(session, owner, request.opening, request.endpoint)
    if isinstance(secret, PresignedUrl):
        check_presigned(secret, request.endpoint, request.bucket, request.object)
    row = new_row(
        Transfer,
        owner=owner,
        kind=request.kind,
        infrastructure=request.infrastructure,
        endpoint=request.endpoint,
        bucket=request.bucket,
        object=request.object,
        region=request.region,
        path=path,
        requester_pays=request.requester_pays,
        overwrite=request.overwrite,
        credentials=sealing.seal(secret),
        resumable=not request.object.endswith("/"),  # a listing begins again
        warnings=[*secret_warnings(secret, request.endpoint), *_place_warnings(path)],
    )
    return Draft(row, cluster)


def _place_warnings(path: str) -> list[str]:
    """Return a warning about a path that probably means another place."""
    meant = meant_place(path)
    return (
        []
        if meant is None
        else [f"{path[:_SHOWN]!r} starts at the home; {meant[:_SHOWN]!r} was probably meant"]
    )


def draft_with_own_store(session: Session, owner: str, request: OwnStoreRequest) -> Draft:
    """Return the checked row of a transfer with the gateway's own bucket, or raise Invalid or NotFound."""
    cluster, store = catalog.get_cluster(session, request.infrastructure), own_store(get_settings())
    _check_path(session, cluster, owner, request.path, "src" if request.kind == "s3_result" else "dst")
    row = new_row(
        Transfer,
        owner=owner,
        kind=request.kind,
        infrastructure=request.infrastructure,
        endpoint=store.endpoint,
        bucket=store.bucket,
        object=request.object,
        region=store.region,
        path=request.path,
        credentials=sealing.seal(store.keys),
    )
    return Draft(row, cluster)


def _name_file(dst: str, source: str) -> str:
    """Return the path of the file: below a `dst` that ends in `/` it has the last name of its source."""
    if not dst.endswith("/"):
        return dst
    name = source.rpartition("/")[2]
    if name in {"", ".", ".."}:
        raise Invalid("it is a folder, and its source has no last name: add a file name", field="dst")
    return f"{dst}{name}"


def _check_path(session: Session, cluster: Cluster, owner: str, path: str, field: str) -> None:
    """Raise Invalid or NotFound when the owner's requests may not read `src`, or not write `dst`."""
    roots = owner_roots(cluster, owner)
    confined, check = roots.confine(path, field), PathCheck(session, owner, roots)
    if field == "src":
        check.check_read([confined])
    else:
        check.check_written({confined: path}, field)


def get(session: Session, caller: Caller, kind: str, row_id: UUID) -> Transfer:
    """Return the transfer of that kind and id, or raise NotFound: another owner's does not exist."""
    row = session.get(Transfer, row_id)
    if row is None or row.kind != kind or not caller.may_see(row.owner):
        raise missing(kind, row_id)
    return row


def check_result(session: Session, row: Transfer) -> None:
    """Raise JobFailed when the published result is that of an older job than the latest.

    A client of the first generation cannot see that its job failed: it fetches the published path next,
    and must not get the previous job's file as if it were its own.
    """
    cluster = catalog.get_cluster(session, row.infrastructure)
    path = owner_roots(cluster, row.owner).confine(row.path, "src")
    failed = jobs.failed_latest(session, row.owner, row.infrastructure, path)
    if failed is not None:
        raise JobFailed(
            f"job {failed.id}, the latest for {row.path}, has failed and left no result: {failed.reason}"
        )


def complete(session: Session, claim: Claim, bytes_done: int, outcome: Outcome = NO_OUTCOME) -> None:
    """Complete a claimed transfer and erase its credentials."""
    row = lock_claimed(session, Transfer, claim)
    row.bytes_done = row.bytes_total = bytes_done
    row.verification = outcome.verification
    row.warnings = [*row.warnings, *(each for each in outcome.warnings if each not in row.warnings)]
    row.credentials = None
    row.leftovers = False
    move(session, row, TransferState.COMPLETED)
    session.flush()
    request_judgements(session, Transfer.id == row.id)


def cancel(session: Session, row: Transfer, actor: str = "", why: str = "") -> None:
    """Cancel a transfer: at once when it is idle, through its worker when it is claimed."""
    if is_final(row.state):
        raise Conflict(f"the transfer has ended already: it is {row.state}")
    row.cancel_requested_at = utc_now()
    request = f"cancel requested: {why}" if why else "cancel requested"
    note(session, row, request, actor)
    if row.children is not None:
        cancel_children(session, row, actor, request)
    elif row.state is not TransferState.TRANSFERRING or row.lease_until is None:
        finish_cancel(session, row)


def erase_credentials(session: Session) -> None:
    """Erase the credentials of ended transfers that were kept for a retry, after `credentials_kept_s`."""
    too_long = db_now(-get_settings().credentials_kept_s)
    kept = update(Transfer).where(Transfer.credentials.is_not(None), Transfer.ended_at < too_long)
    idle = kept.where(~Transfer.leftovers)  # else they are needed once more, for the clean-up
    session.execute(idle.values(credentials=None).execution_options(synchronize_session=False))


def keep_upload(session: Session, claim: Claim, upload_id: str) -> None:
    """Record the id of the open multipart upload, empty when there is none."""
    lock_claimed(session, Transfer, claim).upload_id = upload_id


def record_unresumable(session: Session, claim: Claim) -> bool:
    """Record that a try of the transfer cannot resume; tell whether its owner holds too many slots so."""
    row = lock_claimed(session, Transfer, claim)
    row.resumable = False
    session.flush()
    return has_too_many_fixed(session, row)


def record_cleanup(session: Session, row_id: UUID) -> None:
    """Record that the leftovers of an ended transfer are removed."""
    row = session.get_one(Transfer, row_id, with_for_update=True)
    if row.state is TransferState.TRANSFERRING:
        return  # it was retried and claimed since
    row.leftovers, row.upload_id, row.lease_until = False, "", None
    if row.ended_at is not None:
        row.next_send_at = row.message_id = row.turn_at = None
    if row.state is TransferState.CANCELLED:
        row.credentials = None
