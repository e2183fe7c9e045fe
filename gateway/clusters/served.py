"""The cluster of a row: that of the operator's file, or the definition over REST that the row began with."""

import time
from functools import lru_cache
from typing import Protocol

from gateway.clusters import catalog
from gateway.clusters.configuration import Cluster, configured_clusters
from gateway.db import session_scope
from gateway.errors import Invalid

_LOOK_AGAIN_S = 2.0


class WorkOfCluster(Protocol):
    """The part of a row that names its cluster."""

    infrastructure: str
    definition: int | None


def cluster_of(row: WorkOfCluster) -> Cluster:
    """Return the cluster as it was defined when the row began."""
    return served_cluster(row.infrastructure, row.definition)


def served_cluster(name: str, revision: int | None = None) -> Cluster:
    """Return the cluster of that name; without a revision as it is defined now.

    Raises
    ------
    NotFound
        When neither file nor database defines it.
    """
    if (found := configured_clusters().get(name)) is not None:
        return found
    return _look_up(name, revision, int(time.monotonic() / _LOOK_AGAIN_S))


def checked_cluster(name: str) -> Cluster:
    """Return the cluster as it is defined now.

    Raises
    ------
    NotFound
        When neither file nor database defines it.
    Invalid
        When an entry over REST lacks something to be served.
    """
    if (found := configured_clusters().get(name)) is not None:
        return found
    with session_scope(read_only=True) as session:
        cluster, missing = catalog.get_cluster(session, name), catalog.find_missing(session, name)
    if missing:
        raise Invalid(f"{name} was added over REST and is not served: {missing}")
    return cluster


@lru_cache(maxsize=256)
def _look_up(name: str, revision: int | None, _period: int) -> Cluster:
    with session_scope(read_only=True) as session:
        if revision is None:
            return catalog.get_cluster(session, name)
        return catalog.get_revision(session, name, revision)
