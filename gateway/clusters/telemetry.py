"""Telemetry of a cluster: the last figures of its partitions, and requests for newer ones."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.models import Telemetry
from gateway.settings import get_settings


@dataclass(frozen=True)
class PartitionFigures:
    """The figures of one partition."""

    name: str
    total_nodes: int
    avail_nodes: int
    total_cpus: int
    avail_cpus: int
    running_jobs: int
    queued_jobs: int


def request_telemetry(session: Session, name: str) -> None:
    """Request new figures from the cluster's watcher."""
    row = session.get(Telemetry, name, with_for_update=True)
    if row is None:
        session.add(Telemetry(infrastructure=name, asked_at=utc_now()))
    else:
        row.asked_at = utc_now()


def fresh_telemetry(session: Session, name: str) -> Telemetry | None:
    """Return the last figures unless they are older than GATEWAY_TELEMETRY_S."""
    row = session.get(Telemetry, name, populate_existing=True)
    oldest = utc_now() - timedelta(seconds=get_settings().telemetry_s)
    return row if row and row.as_of and row.as_of >= oldest else None


def is_requested(session: Session, name: str) -> bool:
    """Tell whether a request came after the last figures and these are no longer fresh."""
    row = session.get(Telemetry, name)
    if row is None or (row.as_of is not None and row.as_of > row.asked_at):
        return False
    return fresh_telemetry(session, name) is None


def store_telemetry(session: Session, name: str, partitions: list[PartitionFigures], as_of: datetime) -> None:
    """Store the watcher's figures."""
    row = session.get_one(Telemetry, name, with_for_update=True)
    row.as_of = as_of
    row.partitions = [asdict(partition) for partition in partitions]
