"""The usage of an owner since a time: jobs and their processor time, transfers and their bytes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Float, cast, func, select
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.models import Job, Transfer


@dataclass(frozen=True)
class OwnerUsage:
    """The number of jobs and transfers of an owner, and the resources that they used."""

    since: datetime
    jobs: int
    cpu_s: float
    transfers: int
    bytes_moved: int


def first_of_month() -> datetime:
    """Return the beginning of this month, in UTC."""
    return utc_now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def usage_since(session: Session, owner: str, since: datetime) -> OwnerUsage:
    """Return the usage by the rows of the owner that were created since then."""
    cpu_s = func.sum(cast(Job.usage["cpu_s"].as_string(), Float))
    jobs = select(func.count(), cpu_s).where(Job.owner == owner, Job.created_at >= since)
    moved = select(func.count(), func.sum(Transfer.bytes_done)).where(
        Transfer.owner == owner, Transfer.created_at >= since, Transfer.is_childless()
    )
    job_count, used_s = session.execute(jobs).one()
    transfer_count, moved_bytes = session.execute(moved).one()
    return OwnerUsage(since, job_count, float(used_s or 0), transfer_count, int(moved_bytes or 0))
