"""The filesystem of a cluster, as far as one owner may see it."""

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.filesystems.shared import SharedFilesystem


def open_filesystem(cluster: Cluster, owner: str) -> SharedFilesystem:
    """Return the owner's part of the cluster's filesystem."""
    places = owner_roots(cluster, owner)
    return SharedFilesystem(places.roots, places.own)
