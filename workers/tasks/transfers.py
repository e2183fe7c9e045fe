"""Tasks of transfers: move the bytes of one or a group, and remove leftovers of failed or cancelled ones."""

from contextlib import closing
from pathlib import PurePosixPath
from uuid import UUID

from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.served import cluster_of
from gateway.credentials.sealing import unseal
from gateway.db import session_scope
from gateway.filesystems.base import Filesystem
from gateway.filesystems.publication import Existing
from gateway.models import Transfer
from gateway.queue import app
from gateway.settings import get_settings
from gateway.storage.address import S3Address, Secret, without_query
from gateway.storage.opening import open_prefix, open_remote, open_store
from gateway.transfers import lifecycle as transfers
from gateway.transfers import prefixes
from gateway.transfers.outcome import Outcome
from gateway.transfers.prefixes import MOST_CHILDREN, PrefixEntry
from gateway.transfers.staging.attempt import Progress
from gateway.transfers.staging.download import download
from gateway.transfers.staging.listing import list_files, list_objects
from gateway.transfers.staging.upload import abort_uploads, upload
from gateway.work import claims
from gateway.work.claims import Claim
from gateway.workflows import sweeps
from workers.claim_context import GivenUp, claim_row, recording_failure
from workers.client_files import open_client_files
from workers.group_transfer import transfer_group
from workers.lease_keeper import ClaimProgress, LeaseKeeper
from workers.removal import remove_files
from workers.row_errors import SomeFailed
from workers.tasks import LOST_WORKER
from workers.transfer_attempt import RowResume, new_attempt


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
    outcome = _stage(row, claim, progress)
    with session_scope() as session:
        transfers.complete(session, claim, progress.done_bytes, outcome)


def _stage(row: Transfer, claim: Claim, progress: Progress) -> Outcome:
    """Move the bytes; refuse a result whose latest job has failed."""
    if row.kind == "s3_result":
        with session_scope(read_only=True) as session:
            transfers.check_result(session, row)
    return _move(row, claim, progress)


@app.task(name="transfers.clean", **LOST_WORKER)
def clean(transfer_id: str) -> None:
    """Remove the temporary files and abort the open upload of a failed or cancelled transfer."""
    with session_scope() as session:
        row = claims.take_leftovers(session, UUID(transfer_id))
    if row is None:
        return
    remove_files(row, remove_leftovers)
    with session_scope() as session:
        transfers.record_cleanup(session, row.id)


def remove_leftovers(row: Transfer) -> bool:
    """Remove temporary files and the open upload of a transfer that has ended."""
    filesystem, path = cluster_file(row)
    resume = RowResume(row)
    filesystem.discard(path, resume.token)
    if row.kind == "s3_result" and row.credentials:
        with closing(open_store(_address(row), _secret(row), get_settings())) as store:
            abort_uploads(store, resume)
    return True


def _expand(row: Transfer, claim: Claim, progress: Progress) -> None:
    """Make a row of every object or file below the prefix, and send them all."""
    omitted: list[str] = []
    if sweeps.are_results(row):
        with session_scope() as session:
            prefixes.expand_prefix(session, claim, sweeps.list_results(session, row))
        return
    if row.kind == "s3_data":
        with closing(open_prefix(_address(row), _secret(row), get_settings())) as prefix:
            found = list_objects(prefix, progress, MOST_CHILDREN)
    else:
        filesystem, path = cluster_file(row)
        found = list_files(filesystem, path, progress, MOST_CHILDREN, omitted.append)
    entries = [PrefixEntry(name, size) for name, size in found]
    with session_scope() as session:
        prefixes.expand_prefix(session, claim, entries, omitted=len(omitted))


def _move(row: Transfer, claim: Claim, progress: Progress) -> Outcome:
    """Move the bytes in the row's direction."""
    filesystem, path = cluster_file(row)
    settings = get_settings()
    attempt = new_attempt(row, claim, progress, settings)
    if row.kind == "s3_result":
        with (
            filesystem.read(path) as source,
            closing(open_store(_address(row), _secret(row), settings)) as store,
        ):
            return Outcome(upload(source, store, attempt), [*row.warnings, *store.warnings])
    with closing(open_remote(_source(row), _secret(row), settings)) as remote:
        incoming = filesystem.receive(path, attempt.resume.token, _rule_for_existing(row, claim))
        way = download(remote, incoming, attempt)
        return Outcome(way, [*row.warnings, *remote.warnings])


def _rule_for_existing(row: Transfer, claim: Claim) -> Existing:
    if row.overwrite:
        return Existing.REPLACE
    return Existing.REFUSE if claim.number == 1 else Existing.KEEP_EQUAL


def cluster_file(row: Transfer) -> tuple[Filesystem, PurePosixPath]:
    """Return the filesystem within the owner's reach, and the path of the transfer's file in it."""
    cluster = cluster_of(row)
    path = owner_roots(cluster, row.owner).confine(row.path, "path")
    return open_client_files(cluster, row.owner), path


def _source(row: Transfer) -> S3Address | str:
    return row.endpoint if row.kind == "data" else _address(row)


def _address(row: Transfer) -> S3Address:
    endpoint = without_query(row.endpoint)  # reasons quote it
    return S3Address(endpoint, row.region, row.bucket, row.object, row.requester_pays)


def _secret(row: Transfer) -> Secret | None:
    return unseal(row.credentials) if row.credentials else None
