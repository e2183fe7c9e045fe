"""The watched jobs of a cluster in memory: the columns that a look compares, read once and kept up to date.

A job becomes watched by its submission and may get a cancel request; both are found by index. Every other
change is the watcher's own. A reload now and then finds a row that was committed long after its time.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, load_only

from gateway.jobs.lifecycle import WATCH_PERIOD_S
from gateway.jobs.watched_state import WatchedState
from gateway.jobs.watched_sweeps import WatchedSweeps
from gateway.models import Job

RELOAD_S = 60.0
# A submission is visible at most so long after its time: clocks of workers, and commits that wait.
OVERLAP = timedelta(seconds=5)
IDS_AT_ONCE = 500
_COLUMNS = (
    *(Job.id, Job.run, Job.state, Job.reason, Job.scheduler_id, Job.started_at),
    *(Job.submitted_at, Job.cancel_requested_at, Job.heard_until, Job.watch_period),
)
_OF_A_FOLDER = (
    *(Job.id, Job.run, Job.state, Job.scheduler_id, Job.cancel_requested_at, Job.created_at),
    *(Job.submitted_at, Job.data_folder, Job.control_root, Job.output_identity, Job.owner),
    *(Job.infrastructure, Job.definition),
)


@dataclass(slots=True)
class WatchedJob(WatchedState):
    """A watched job as its row is; `heard` is false while no report on it can be given."""

    id: UUID
    cancel_requested: bool
    heard: bool
    watch_period_s: float


class WatchedJobs:
    """The watched jobs of one cluster by name, and its sweeps.

    `looked_at` is the time of the last look of this process.
    """

    def __init__(self, infrastructure: str) -> None:
        self.infrastructure = infrastructure
        self.looked_at: datetime | None = None
        self.by_name: dict[str, WatchedJob] = {}
        self.sweeps = WatchedSweeps(infrastructure)
        self._newest: datetime | None = None
        self._reload_at = 0.0

    def forget(self) -> None:
        """Read all rows at the next refresh: another watcher may have written them."""
        self._reload_at = 0.0
        self.sweeps.forget()

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.by_name or self.sweeps.by_id)

    def drop(self, jobs: Iterable[WatchedJob]) -> None:
        """Remove jobs that are not watched any more."""
        for job in jobs:
            self.by_name.pop(job.name, None)

    @property
    def shortest_period_s(self) -> float:
        """The shortest period that one of the jobs asked for."""
        periods = [job.watch_period_s for job in self.by_name.values()]
        return min([*periods, *self.sweeps.periods_s], default=WATCH_PERIOD_S)

    def refresh(self, session: Session) -> bool:
        """Read the rows that are new or have a new cancel request; tell whether there were any."""
        has_new_sweep = self.sweeps.refresh(session)
        return self._refresh_jobs(session) or has_new_sweep

    def _refresh_jobs(self, session: Session) -> bool:
        if time.monotonic() >= self._reload_at:
            before, self.by_name = self.by_name, {}
            self._add(session.execute(self._select(*_COLUMNS)))
            self._reload_at = time.monotonic() + RELOAD_S
            return self.by_name.keys() != before.keys()
        cancelled = self._names(session, Job.cancel_requested_at.is_not(None))
        submitted = self._names(session, Job.cancel_requested_at.is_(None), *self._is_recent())
        unknown = (cancelled.keys() | submitted.keys()) - self.by_name.keys()
        newly = [job for name in cancelled if (job := self.by_name.get(name)) and not job.cancel_requested]
        for job in newly:
            job.cancel_requested = True
        ids = cancelled | submitted
        for chunk in _chunks([ids[name] for name in unknown]):
            self._add(session.execute(self._select(*_COLUMNS).where(Job.id.in_(chunk))))
        return bool(unknown or newly)

    def load(self, session: Session, names: Collection[str]) -> list[Job]:
        """Return the rows of these jobs, with the columns of their folders; drop those that have left."""
        jobs = [self.by_name[name] for name in names]
        rows = [
            row
            for chunk in _chunks([job.id for job in jobs])
            for row in session.scalars(
                self._select(Job).where(Job.id.in_(chunk)).options(load_only(*_OF_A_FOLDER))
            )
        ]
        found = {row.name for row in rows}
        self.drop([job for job in jobs if job.name not in found])
        return [row for row in rows if row.name in self.by_name]

    def _select(self, *columns: Any) -> Select[Any]:
        return select(*columns).where(
            Job.infrastructure == self.infrastructure, Job.is_watched(), Job.member_count == 0
        )

    def _is_recent(self) -> list[ColumnElement[bool]]:
        return [] if self._newest is None else [Job.submitted_at > self._newest - OVERLAP]

    def _names(self, session: Session, *conditions: ColumnElement[bool]) -> dict[str, UUID]:
        found = session.execute(self._select(Job.id, Job.run).where(*conditions))
        return {f"{row_id}.{run}": row_id for row_id, run in found}

    def _add(self, rows: Iterable[Any]) -> None:
        for row in rows:
            job = WatchedJob(
                id=row.id,
                name=f"{row.id}.{row.run}",
                state=row.state,
                reason=row.reason,
                scheduler_id=row.scheduler_id,
                started_at=row.started_at,
                cancel_requested=row.cancel_requested_at is not None,
                heard=row.heard_until is None,
                watch_period_s=row.watch_period,
            )
            self.by_name[job.name] = job
            if row.submitted_at is not None:
                self._newest = max(self._newest or row.submitted_at, row.submitted_at)


def _chunks(ids: list[UUID]) -> Iterator[list[UUID]]:
    return (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
