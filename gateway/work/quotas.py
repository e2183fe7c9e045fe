"""Quotas: the most unfinished work of an owner and of a cluster, and the most bytes of a day."""

from collections.abc import Callable, Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from gateway.clusters.configuration import Cluster
from gateway.db import db_now, lock_names
from gateway.errors import TooMany
from gateway.models import Job, Transfer
from gateway.settings import get_settings

Model = type[Transfer] | type[Job]
DAY_S = 86400.0
AGAIN_S = 10.0  # work ends at any moment
TOMORROW_S = 3600.0  # the day is the last 24 hours, so some of it comes back every hour


class Admission:
    """The admission of a batch of new work: each count is taken once, and admitted work counts at once.

    All counts of the batch are locked first, owners before clusters and each in order, so that no two
    batches wait for each other.
    """

    def __init__(self, session: Session, wanted: Iterable[tuple[str, Cluster]]) -> None:
        self._session = session
        self._counts: dict[tuple[str, Model], int] = {}
        pairs = list(wanted)
        settings = get_settings()
        if settings.concurrent_transfers or settings.concurrent_jobs:
            lock_names(session, {f"owner {owner}" for owner, _ in pairs})
        limited = (cluster for _, cluster in pairs if cluster.max_transfers or cluster.max_jobs)
        lock_names(session, {f"cluster {cluster.name}" for cluster in limited})

    def admit(self, owner: str, cluster: Cluster, model: Model, number: int = 1) -> None:
        """Raise TooMany unless so many more are allowed; the answer holds until the commit.

        Each member of a sweep counts as a job.
        """
        settings = get_settings()
        mine, here = {
            "transfers": (settings.concurrent_transfers, cluster.max_transfers),
            "jobs": (settings.concurrent_jobs, cluster.max_jobs),
        }[model.noun]
        name, noun = cluster.name, model.noun
        if mine:
            has = self._count(model, f"owner {owner}", lambda: model.owner == owner)
            _check_room("you have", has, number, mine, noun)
        if here:
            has = self._count(model, f"cluster {name}", lambda: model.infrastructure == name)
            _check_room(f"{name!r} has", has, number, here, noun)
        if model is Transfer:
            check_bytes(self._session, owner, 1)
        for key in ((f"owner {owner}", model), (f"cluster {name}", model)):
            if key in self._counts:
                self._counts[key] += number

    def _count(self, model: Model, key: str, scope: Callable[[], ColumnElement[bool]]) -> int:
        if (key, model) not in self._counts:
            self._counts[key, model] = _count_live(self._session, model, scope())
        return self._counts[key, model]


def _check_room(found: str, has: int, number: int, most: int, noun: str) -> None:
    """Raise TooMany when the new work exceeds the limit."""
    if has + number <= most:
        return
    if number == 1:
        raise TooMany(f"{found} {most} unfinished {noun} already: wait for one to end", AGAIN_S)
    raise TooMany(
        f"{found} {has} unfinished {noun} of {most} that are allowed, and this has {number} members:"
        " wait for some to end, or send fewer",
        AGAIN_S,
    )


def admit(session: Session, owner: str, cluster: Cluster, model: Model, number: int = 1) -> None:
    """Raise TooMany unless so many more transfers or jobs are allowed; the answer holds until the commit."""
    Admission(session, [(owner, cluster)]).admit(owner, cluster, model, number)


def check_bytes(session: Session, owner: str, more: int, row_id: UUID | None = None) -> None:
    """Raise TooMany when so many bytes more exceed the owner's limit for 24 hours.

    The bytes of the transfer itself, if it has an id yet, are among the `more`.
    """
    limit = get_settings().bytes_per_day
    if not limit:
        return
    lately = Transfer.updated_at >= db_now(-DAY_S)
    moved = select(func.sum(Transfer.bytes_done)).where(
        Transfer.owner == owner, lately, Transfer.is_childless()
    )
    if row_id is not None:
        moved = moved.where(Transfer.id != row_id)
    used = int(session.scalar(moved) or 0)
    if used + more > limit:
        raise TooMany(
            f"{used} of {limit} bytes of the last 24 hours are used (GATEWAY_BYTES_PER_DAY),"
            f" and this needs {more} more: retry later",
            TOMORROW_S,
        )


def _count_live(session: Session, model: Model, scope: ColumnElement[bool]) -> int:
    """Count the live rows; the children of a prefix count as one, their parent, and members count each."""
    live = model.state.in_(model.live), model.is_top_level()
    return session.scalar(select(func.sum(model.work_count())).where(scope, *live)) or 0
