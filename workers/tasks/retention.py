"""The tasks that remove expired work: its files on the cluster first, then its row."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from gateway.clusters.configuration import Cluster
from gateway.clusters.served import cluster_of
from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.jobs.folders import output_folder
from gateway.jobs.run_folders import remove_run
from gateway.models import Job, Transfer
from gateway.operations import retention
from gateway.operations.retention import STAGED
from gateway.queue import app
from gateway.states import TransferState
from gateway.work import claims
from workers.removal import remove_files
from workers.tasks import LOST_WORKER
from workers.tasks.transfers import cluster_file, remove_leftovers

CLOCKS_S = 3600.0  # how far the clocks of cluster and gateway may be apart
Row = TypeVar("Row", bound=Transfer | Job)


@app.task(name="jobs.prune", **LOST_WORKER)
def prune_job(job_id: str) -> None:
    """Remove the folders of all runs of a job, then the job."""
    _prune(Job, job_id, _remove_job)


@app.task(name="transfers.prune", **LOST_WORKER)
def prune_transfer(transfer_id: str) -> None:
    """Remove the staged file and the leftovers of a transfer, then the transfer."""
    _prune(Transfer, transfer_id, _remove_transfer)


def _prune(model: type[Row], row_id: str, remove: Callable[[Row], bool]) -> None:
    with session_scope() as session:
        row = claims.take_expired(session, model, UUID(row_id))
    if row is None:
        return
    done = remove_files(row, remove)
    with session_scope() as session:
        held = session.get_one(model, row.id, with_for_update=True)
        if done:
            retention.delete_row(session, held)
        else:
            held.lease_until = held.message_id = None


def _remove_job(job: Job) -> bool:
    """Remove the folders of all runs, unless unfinished work reads from one of them."""
    cluster = cluster_of(job)
    with session_scope(read_only=True) as session:
        needed = retention.paths_in_use(session, cluster)
    runs = range(1, max(job.run, job.attempt) + 1)
    if any(retention.is_in_use(output_folder(job, run), needed) for run in runs):
        return False
    errors = [error for run in runs if (error := _remove_run(job, cluster, run)) is not None]
    if errors:
        raise errors[0]
    return True


def _remove_run(job: Job, cluster: Cluster, run: int) -> GatewayError | None:
    """Remove the folders of a run; return the error, so that the other runs are removed all the same."""
    try:
        remove_run(job, cluster, run)
    except GatewayError as error:
        return error
    return None


def _remove_transfer(row: Transfer) -> bool:
    """Remove the leftovers, and the staged file unless it was changed, staged again or is in use."""
    remove_leftovers(row)
    if row.kind not in STAGED or row.state is not TransferState.COMPLETED or row.children is not None:
        return True
    filesystem, path = cluster_file(row)
    with session_scope(read_only=True) as session:
        cluster = cluster_of(row)
        if retention.is_in_use(path, retention.paths_in_use(session, cluster)):
            return False
        staged_again = retention.was_staged_again(session, cluster, row)
    if not staged_again and row.ended_at is not None:
        filesystem.remove_file(path, row.bytes_done, row.ended_at + timedelta(seconds=CLOCKS_S))
    return True
