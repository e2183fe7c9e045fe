"""Opening: the filesystem of a cluster, confined to the roots of one owner."""

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.filesystems.shared import SharedFilesystem


def open_filesystem(cluster: Cluster, owner: str) -> SharedFilesystem:
    """Return the owner's part of the cluster's filesystem."""
    folders = owner_roots(cluster, owner)
    return SharedFilesystem(folders.roots, folders.own)
