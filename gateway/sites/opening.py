"""The filesystem of a cluster, as far as one owner may see it."""

from gateway.configuration import Cluster
from gateway.places import places_of
from gateway.sites.local import LocalSite


def open_site(cluster: Cluster, owner: str) -> LocalSite:
    """Return the owner's part of the cluster's filesystem."""
    places = places_of(cluster, owner)
    return LocalSite(places.roots, places.own)
