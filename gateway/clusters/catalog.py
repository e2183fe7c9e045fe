"""The catalog of clusters: those of the operator's file, and those added over REST."""

from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import encryption
from gateway.clusters.configuration import Cluster, check_name, configured_clusters
from gateway.db import utc_now
from gateway.errors import NotFound
from gateway.models import Infrastructure


def add_cluster(session: Session, entry: Infrastructure, password: str) -> Cluster:
    """Add or replace an entry; an entry of the file stays as it is configured."""
    cluster = configured_clusters().get(check_name(entry.name))
    if cluster is not None:
        return cluster
    entry.ssh_key_password = encryption.encrypt(password) if password else None
    entry.updated_at = utc_now()
    return _cluster_of_row(session.merge(entry))


def get_cluster(session: Session, name: str) -> Cluster:
    """Return the cluster of that name, or raise NotFound."""
    cluster = configured_clusters().get(name)
    if cluster is not None:
        return cluster
    row = session.get(Infrastructure, name) if "\0" not in name else None
    if row is None:
        raise NotFound(f"there is no infrastructure {name!r}; GET /infrastructure lists them")
    return _cluster_of_row(row)


def list_clusters(session: Session) -> list[Cluster]:
    """Return all clusters in the order of their names."""
    rows = session.scalars(select(Infrastructure))
    found = {row.name: _cluster_of_row(row) for row in rows} | configured_clusters()
    return [found[name] for name in sorted(found)]


def _cluster_of_row(row: Infrastructure) -> Cluster:
    return Cluster(
        name=row.name,
        scheduler=row.scheduler,
        home=PurePosixPath("/home") / (row.username or "gateway"),
        host=row.host,
        hostname=row.hostname,
        username=row.username,
    )
