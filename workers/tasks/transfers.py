"""The tasks that carry out a transfer, and that remove what is left of one that has ended badly."""

import logging
from pathlib import PurePosixPath
from uuid import UUID

from gateway import claims, credentials, infrastructures, prefixes, staging, transfers
from gateway.claims import Claim
from gateway.db import session_scope
from gateway.errors import GatewayError, StorageError
from gateway.models import Transfer
from gateway.places import places_of
from gateway.prefixes import MOST_CHILDREN, Entry
from gateway.queue import app, send
from gateway.settings import get_settings
from gateway.sites.local import LocalSite
from gateway.sites.opening import open_site
from gateway.staging import Progress
from gateway.storage.address import Credentials, S3Address, Secret, SignedUrl
from workers.allowance import Allowance
from workers.carrying import SomeFailed, carry_out
from workers.claiming import GivenUp, claimed
from workers.keeper import Hold, Keeper
from workers.settling import settling
from workers.tasks import LOST_WORKER
from workers.trail import RowTrail

CLEAN_TRIES = 50  # some hours, with the sweeper's growing pauses
_log = logging.getLogger(__name__)


@app.task(name="transfers.run", bind=True, throws=(GivenUp, SomeFailed), **LOST_WORKER)
def run(self: "app.Task", *transfer_ids: str) -> None:
    """Move the bytes of a transfer, or of a group of small ones, unless another worker has them."""
    worker = str(self.request.hostname)
    if len(transfer_ids) > 1:
        carry_out(worker, transfer_ids, _stage)
        return
    claim = claimed(claims.take_transfer, transfer_ids[0], worker)
    if claim is None:
        return
    with settling(Transfer, claim), Keeper(Transfer, [claim]) as keeper:
        with session_scope(read_only=True) as session:
            row = session.get_one(Transfer, claim.id)
        _run_one(row, claim, keeper.hold(claim))


def _run_one(row: Transfer, claim: Claim, progress: Hold) -> None:
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
        transfers.cleaned(session, row.id)


def remove_leftovers(row: Transfer) -> None:
    """Remove temporary files and the open upload of a transfer that has ended."""
    site, path = place(row)
    trail = RowTrail(row)
    site.discard(path, trail.token)
    if row.kind == "s3_result" and isinstance(secret := _secret(row), Credentials):
        staging.abandon_upload(_address(row), secret, trail, get_settings())


def _expand(row: Transfer, claim: Claim, progress: Progress) -> None:
    """Make a row of every object or file below the prefix, and send them all."""
    if row.kind == "s3_data":
        found = staging.list_objects(_address(row), _keys(row), progress, get_settings(), MOST_CHILDREN)
    else:
        site, path = place(row)
        found = staging.list_files(site, path, progress, MOST_CHILDREN)
    with session_scope() as session:
        messages = prefixes.expand(session, claim, [Entry(name, size) for name, size in found])
    send(messages, first=True)


def _move(row: Transfer, claim: Claim, progress: Progress) -> None:
    """Stage the bytes in the row's direction."""
    site, path = place(row)
    trail, progress = RowTrail(row, claim), Allowance(row.owner, progress)
    if row.kind == "data":
        staging.fetch_url(row.endpoint, site, path, progress, get_settings(), trail)
        return
    secret, address = credentials.unseal(row.credentials or ""), _address(row)
    if isinstance(secret, SignedUrl) and row.kind == "s3_data":
        staging.stage_in_signed(address, secret, site, path, progress, get_settings(), trail)
    elif isinstance(secret, SignedUrl):
        staging.stage_out_signed(site, path, address, secret, progress, get_settings())
    elif row.kind == "s3_data":
        staging.stage_in(address, secret, site, path, progress, get_settings(), trail)
    else:
        staging.stage_out(site, path, address, secret, progress, get_settings(), trail)


def place(row: Transfer) -> tuple[LocalSite, PurePosixPath]:
    """Return the transfer's end on the cluster."""
    cluster = infrastructures.configured()[row.infrastructure]
    path = places_of(cluster, row.owner).confine(row.path, "path")
    return open_site(cluster, row.owner), path


def _address(row: Transfer) -> S3Address:
    return S3Address(endpoint=row.endpoint, region=row.region, bucket=row.bucket, key=row.object)


def _secret(row: Transfer) -> Secret | None:
    return credentials.unseal(row.credentials) if row.credentials else None


def _keys(row: Transfer) -> Credentials:
    """Return the keys of a row that has no presigned URL: one of a prefix."""
    secret = credentials.unseal(row.credentials or "")
    if isinstance(secret, SignedUrl):
        raise StorageError("a presigned URL cannot do this: send access_key and secret_key")
    return secret
