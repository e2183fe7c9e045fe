"""The watched sweeps of a cluster in memory, with the members that the scheduler has.

The members of a sweep are read once after each of its submissions; every later change of them is the
watcher's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.jobs.watched_state import WatchedState
from gateway.models import Job, JobMember
from gateway.schedulers.arrays import split_name
from gateway.states import IN_SCHEDULER

_COLUMNS = (Job.id, Job.claim, Job.cancel_requested_at, Job.watch_period)
_OF_A_MEMBER = (
    *(JobMember.name, JobMember.state, JobMember.reason),
    *(JobMember.scheduler_id, JobMember.started_at, JobMember.number),
)


@dataclass(slots=True)
class WatchedMember(WatchedState):
    """A member as its row is."""

    number: int

    @property
    def array(self) -> str:
        """The name of its array."""
        return split_name(self.name)[0]


@dataclass(slots=True)
class WatchedSweep:
    """A sweep whose members are in the scheduler; `claim` is that of their submission.

    `has_ended` tells whether a member of this submission has.
    """

    id: UUID
    claim: int
    cancel_requested: bool
    watch_period_s: float
    members: dict[int, WatchedMember]
    has_ended: bool = False


class WatchedSweeps:
    """The watched sweeps of one cluster by their ids."""

    def __init__(self, infrastructure: str) -> None:
        self.infrastructure = infrastructure
        self.by_id: dict[UUID, WatchedSweep] = {}

    def forget(self) -> None:
        """Read all members at the next refresh: another watcher may have written them."""
        self.by_id = {}

    def refresh(self, session: Session) -> bool:
        """Read the sweeps, and the members of newly submitted ones; tell whether there is something new."""
        mine = Job.infrastructure == self.infrastructure, Job.is_watched(), Job.member_count > 0
        before, self.by_id, is_new = self.by_id, {}, False
        for row in session.execute(select(*_COLUMNS).where(*mine)).all():
            known, is_cancelled = before.get(row.id), row.cancel_requested_at is not None
            if known is None or known.claim != row.claim:
                members = _load_members(session, row.id)
                known = WatchedSweep(row.id, row.claim, is_cancelled, row.watch_period, members)
                is_new = True
            is_new |= known.cancel_requested != is_cancelled
            known.cancel_requested = is_cancelled
            self.by_id[row.id] = known
        return is_new

    @property
    def periods_s(self) -> Sequence[float]:
        """The periods that the sweeps asked for."""
        return [sweep.watch_period_s for sweep in self.by_id.values()]


def _load_members(session: Session, job_id: UUID) -> dict[int, WatchedMember]:
    mine: tuple[Any, ...] = (
        JobMember.job_id == job_id,
        JobMember.state.in_(IN_SCHEDULER),
        JobMember.finding.is_(None),
    )
    rows = session.execute(select(*_OF_A_MEMBER).where(*mine)).all()
    return {row.number: WatchedMember(*row) for row in rows}
