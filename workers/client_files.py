"""The files of a cluster within reach of one owner's requests; the database knows the owners of the jobs."""

import os
from collections.abc import Collection
from uuid import UUID

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.db import session_scope
from gateway.filesystems.opening import open_filesystem
from gateway.filesystems.shared import SharedFilesystem
from gateway.jobs.attempts import AttemptAccess, own_roots, owners_of_jobs


def open_client_files(cluster: Cluster, owner: str) -> SharedFilesystem:
    """Return the owner's part of the filesystem without the gateway's own files and foreign attempts."""
    own = own_roots(owner, owner_roots(cluster, owner))
    texts = tuple(dict.fromkeys(each for root in own for each in (str(root), os.path.realpath(root))))
    return open_filesystem(cluster, owner, AttemptAccess(owner, texts, _find_owners))


def _find_owners(ids: Collection[UUID]) -> dict[UUID, str]:
    with session_scope(read_only=True) as session:
        return owners_of_jobs(session, ids)
