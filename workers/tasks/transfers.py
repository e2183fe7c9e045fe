"""The tasks that carry out a transfer, and that remove what is left of one that has ended badly."""

import logging
from pathlib import PurePosixPath
from uuid import UUID

from gateway.clusters import catalog
from gateway.clusters.owner_roots import owner_roots
from gateway.credentials import sealing
from gateway.db import session_scope
from gateway.errors import GatewayError, StorageError
from gateway.filesystems.opening import open_filesystem
from gateway.filesystems.shared import SharedFilesystem
from gateway.models import Transfer
from gateway.queue import app
from gateway.settings import get_settings
from gateway.storage.address import Credentials, PresignedUrl, S3Address, Secret
from gateway.transfers import lifecycle as transfers
from gateway.transfers import prefixes
from gateway.transfers.prefixes import MOST_CHILDREN, PrefixEntry
from gateway.transfers.staging import stage
from gateway.transfers.staging.attempt import Progress
from gateway.work import claims
from gateway.work.claims import Claim
from workers.claim_context import GivenUp, claim_row, recording_failure
from workers.group_transfer import SomeFailed, transfer_group
from workers.lease_keeper import ClaimProgress, LeaseKeeper
from workers.tasks import LOST_WORKER
from workers.transfer_attempt import AllowedProgress, RowResume

CLEAN_TRIES = 50  # some hours, with the sweeper's growing pauses
_log = logging.getLogger(__name__)


@app.task(name="transfers.run", bind=True, throws=(GivenUp, SomeFailed), **LOST_WORKER)
def run(self: "app.Task", *transfer_ids: str) -> None:
    """Move the bytes of a transfer, or of a group of small ones, unless another worker has them."""
    worker = str(self.request.hostname)
    if len(transfer_ids) > 1:
        transfer_group(worker, transfer_ids, _stage)
        return
    claim = claim_row(claims.take_transfer, transfer_ids[0], worker)
    if claim is None:
        return
    with recording_failure(Transfer, claim), LeaseKeeper(Transfer, [claim]) as keeper:
        with session_scope(read_only=True) as session:
            row = session.get_one(Transfer, claim.id)
        _run_one(row, claim, keeper.progress_of(claim))


def _run_one(row: Transfer, claim: Claim, progress: ClaimProgress) -> None:
    if prefixes.is_prefix(row):
        _expand(row, claim, progress)
        return
    _stage(row, claim, progress)
    with session_scope() as session:
        transfers.complete(session, claim, progress.done_bytes)


def _stage(row: Transfer, claim: Claim, progress: Progress) -> None:
    """Move the bytes, unless what would be moved is another result than its owner believes."""
    if row.kind == "s3_result":
        with session_scope(read_only=True) as session:
            transfers.check_result(session, row)
    _move(row, claim, progress)


@app.task(name="transfers.clean", **LOST_WORKER)
def clean(transfer_id: str) -> None:
    """Remove temporary files and abort the upload of a transfer for which there will be no next try."""
    with session_scope() as session:
        row = claims.take_leftovers(session, UUID(transfer_id))
    if row is None:
        return
    try:
        remove_leftovers(row)
    except GatewayError as error:
        if error.transient and row.sends < CLEAN_TRIES:
            raise  # and it is sent again
        _log.warning("%s: something may be left of it: %s", row.id, error.detail)
    with session_scope() as session:
        transfers.record_cleanup(session, row.id)


def remove_leftovers(row: Transfer) -> None:
    """Remove temporary files and the open upload of a transfer that has ended."""
    site, path = place(row)
    trail = RowResume(row)
    site.discard(path, trail.token)
    if row.kind == "s3_result" and isinstance(secret := _secret(row), Credentials):
        stage.abandon_upload(_address(row), secret, trail, get_settings())


def _expand(row: Transfer, claim: Claim, progress: Progress) -> None:
    """Make a row of every object or file below the prefix, and send them all."""
    if row.kind == "s3_data":
        found = stage.list_objects(_address(row), _keys(row), progress, get_settings(), MOST_CHILDREN)
    else:
        site, path = place(row)
        found = stage.list_files(site, path, progress, MOST_CHILDREN)
    with session_scope() as session:
        prefixes.expand_prefix(session, claim, [PrefixEntry(name, size) for name, size in found])


def _move(row: Transfer, claim: Claim, progress: Progress) -> None:
    """Stage the bytes in the row's direction."""
    site, path = place(row)
    trail, progress = RowResume(row, claim), AllowedProgress(row.owner, progress)
    if row.kind == "data":
        stage.fetch_url(row.endpoint, site, path, progress, get_settings(), trail)
        return
    secret, address = sealing.unseal(row.credentials or ""), _address(row)
    if isinstance(secret, PresignedUrl) and row.kind == "s3_data":
        stage.stage_in_signed(address, secret, site, path, progress, get_settings(), trail)
    elif isinstance(secret, PresignedUrl):
        stage.stage_out_signed(site, path, address, secret, progress, get_settings())
    elif row.kind == "s3_data":
        stage.stage_in(address, secret, site, path, progress, get_settings(), trail)
    else:
        stage.stage_out(site, path, address, secret, progress, get_settings(), trail)


def place(row: Transfer) -> tuple[SharedFilesystem, PurePosixPath]:
    """Return the transfer's end on the cluster."""
    cluster = catalog.configured_clusters()[row.infrastructure]
    path = owner_roots(cluster, row.owner).confine(row.path, "path")
    return open_filesystem(cluster, row.owner), path


def _address(row: Transfer) -> S3Address:
    return S3Address(endpoint=row.endpoint, region=row.region, bucket=row.bucket, key=row.object)


def _secret(row: Transfer) -> Secret | None:
    return sealing.unseal(row.credentials) if row.credentials else None


def _keys(row: Transfer) -> Credentials:
    """Return the keys of a row that has no presigned URL: one of a prefix."""
    secret = sealing.unseal(row.credentials or "")
    if isinstance(secret, PresignedUrl):
        raise StorageError("a presigned URL cannot do this: send access_key and secret_key")
    return secret
