"""The files of a cluster within reach of one owner's requests; the database knows the owners of the jobs."""

import os
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath
from uuid import UUID

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.db import session_scope
from gateway.filesystems.opening import open_filesystem
from gateway.filesystems.shared import SharedFilesystem
from gateway.jobs.attempts import AttemptAccess, own_roots, owners_of_jobs
from gateway.jobs.control_roots import control_roots_in_use


def open_client_files(cluster: Cluster, owner: str) -> SharedFilesystem:
    """Return the owner's part of the filesystem without the gateway's own files and foreign attempts."""
    own = own_roots(owner, owner_roots(cluster, owner))
    with session_scope(read_only=True) as session:
        controls = control_roots_in_use(session)
    access = AttemptAccess(owner, _spellings(own), _find_owners, _spellings(controls))
    return open_filesystem(cluster, owner, access)


def _spellings(folders: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """Return the folders as they are named, and without links."""
    return tuple(dict.fromkeys(each for one in folders for each in (str(one), os.path.realpath(one))))


def _find_owners(ids: Collection[UUID]) -> dict[UUID, str]:
    with session_scope(read_only=True) as session:
        return owners_of_jobs(session, ids)
