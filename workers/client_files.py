"""The files of a cluster within reach of one owner's requests; the database knows the owners of the jobs."""

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath
from uuid import UUID

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.db import session_scope
from gateway.filesystems.base import Filesystem
from gateway.filesystems.opening import open_filesystem, spellings
from gateway.jobs.attempts import AttemptAccess, own_roots, owners_of_jobs
from gateway.jobs.control_roots import control_roots_in_use


def open_client_files(cluster: Cluster, owner: str) -> Filesystem:
    """Return the owner's part of the filesystem without the gateway's own files and foreign attempts."""
    own = own_roots(owner, owner_roots(cluster, owner))
    with session_scope(read_only=True) as session:
        controls = control_roots_in_use(session)
    access = AttemptAccess(owner, _spellings(cluster, own), _find_owners, _spellings(cluster, controls))
    return open_filesystem(cluster, owner, access)


def _spellings(cluster: Cluster, folders: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """Return the folders as they are named, and without links."""
    return tuple(dict.fromkeys(each for folder in folders for each in spellings(cluster, folder)))


def _find_owners(ids: Collection[UUID]) -> dict[UUID, str]:
    with session_scope(read_only=True) as session:
        return owners_of_jobs(session, ids)
