"""Infrastructures: those of the operator's file, those added over REST, and what their workers report."""

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import credentials
from gateway.configuration import Cluster, check_name, clusters
from gateway.db import utc_now
from gateway.errors import NotFound
from gateway.models import Infrastructure, Telemetry
from gateway.schedulers.base import Partition
from gateway.settings import get_settings


def configured() -> dict[str, Cluster]:
    """Return the clusters of the operator's file."""
    return clusters(get_settings().infrastructures)


def add(session: Session, entry: Infrastructure, password: str) -> Cluster:
    """Add or replace an entry; one that the file defines is left as configured."""
    cluster = configured().get(check_name(entry.name))
    if cluster is not None:
        return cluster
    entry.ssh_key_password = credentials.encrypt(password) if password else None
    entry.updated_at = utc_now()
    return _described(session.merge(entry))


def get(session: Session, name: str) -> Cluster:
    """Return the cluster of that name, or raise NotFound."""
    cluster = configured().get(name)
    if cluster is not None:
        return cluster
    row = session.get(Infrastructure, name) if "\0" not in name else None
    if row is None:
        raise NotFound(f"there is no infrastructure {name!r}; GET /infrastructure lists them")
    return _described(row)


def every(session: Session) -> list[Cluster]:
    """Return all clusters, by name."""
    rows = session.scalars(select(Infrastructure))
    found = {row.name: _described(row) for row in rows} | configured()
    return [found[name] for name in sorted(found)]


def _described(row: Infrastructure) -> Cluster:
    return Cluster(
        name=row.name,
        scheduler=row.scheduler,
        home=PurePosixPath("/home") / (row.username or "gateway"),
        host=row.host,
        hostname=row.hostname,
        username=row.username,
    )


def ask_telemetry(session: Session, name: str) -> None:
    """Leave word for the cluster's watcher that somebody wants fresh figures."""
    row = session.get(Telemetry, name, with_for_update=True)
    if row is None:
        session.add(Telemetry(infrastructure=name, asked_at=utc_now()))
    else:
        row.asked_at = utc_now()


def telemetry(session: Session, name: str) -> Telemetry | None:
    """Return the last figures if they are fresh enough to show."""
    row = session.get(Telemetry, name, populate_existing=True)
    oldest = utc_now() - timedelta(seconds=get_settings().telemetry_s)
    return row if row and row.as_of and row.as_of >= oldest else None


def telemetry_wanted(session: Session, name: str) -> bool:
    """Tell the watcher whether somebody asked since the last figures, and they are no longer fresh."""
    row = session.get(Telemetry, name)
    if row is None or (row.as_of is not None and row.as_of > row.asked_at):
        return False
    return telemetry(session, name) is None


def keep_telemetry(session: Session, name: str, partitions: list[Partition], as_of: datetime) -> None:
    """Store the figures that the watcher saw."""
    row = session.get_one(Telemetry, name, with_for_update=True)
    row.as_of = as_of
    row.partitions = [asdict(partition) for partition in partitions]
