"""The watcher's rounds: an error in one does not prevent the next."""

from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update

from gateway.clusters import telemetry
from gateway.clusters.configuration import configured_clusters
from gateway.clusters.telemetry import PartitionFigures
from gateway.db import db_now, session_scope
from gateway.errors import SchedulerUnavailable
from gateway.models import Heartbeat, Lease
from gateway.settings import get_settings
from workers.watcher import Watcher

pytestmark = pytest.mark.usefixtures("database")


class Failing:
    """A scheduler whose calls fail, each in its own way, and then no longer."""

    def __init__(self, *errors: Exception) -> None:
        self.left = list(errors)

    def check(self) -> None:
        if self.left:
            raise self.left.pop(0)


class WithoutFigures(Failing):
    """A scheduler that answers its check and fails at the question for its partitions."""

    def check(self) -> None:
        pass

    def partitions(self) -> list[PartitionFigures]:
        raise self.left.pop(0)


class Rounds:
    """The event that stops the watcher after so many rounds."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds

    def wait(self, _timeout_s: float) -> bool:
        self.left -= 1
        return self.left < 0


def test_the_watcher_outlives_every_error_of_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.clusters.heartbeats.PERIOD_S", 0)
    errors = [
        IsADirectoryError(21, "Is a directory", "exit.json"),
        RecursionError(),
        ValueError("year 0 is out of range"),
        SchedulerUnavailable("Slurm does not answer"),
    ]
    scheduler, rounds = Failing(*errors), Rounds(len(errors) + 1)
    fakes: tuple[Any, Any] = scheduler, rounds
    Watcher(configured_clusters()["hpc"], fakes[0], 1).run(fakes[1])
    assert scheduler.left == []


def test_a_scheduler_that_gives_no_figures_is_in_the_heartbeat_at_once() -> None:
    """The periodic check has just found it well."""
    with session_scope() as session:
        telemetry.request_telemetry(session, "hpc")
    scheduler, rounds = WithoutFigures(SchedulerUnavailable("Slurm does not answer")), Rounds(1)
    fakes: tuple[Any, Any] = scheduler, rounds
    Watcher(configured_clusters()["hpc"], fakes[0], 1).run(fakes[1])
    with session_scope(read_only=True) as session:
        heartbeat = session.get_one(Heartbeat, "hpc")
    assert (scheduler.left, heartbeat.scheduler) == ([], "Slurm does not answer")


class Between(Rounds):
    """Rounds with something that happens before the last one."""

    def __init__(self, rounds: int, happens: Any) -> None:
        super().__init__(rounds)
        self._happens = happens

    def wait(self, timeout_s: float) -> bool:
        if self.left == 1:
            self._happens()
        return super().wait(timeout_s)


def watch(rounds: Rounds) -> None:
    fakes: tuple[Any, Any] = Failing(), rounds
    Watcher(configured_clusters()["hpc"], fakes[0], 1).run(fakes[1])


def test_a_round_without_a_change_writes_nothing(database: Engine) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    rounds = Between(5, lambda: event.listen(database, "before_cursor_execute", note))
    try:
        watch(rounds)
    finally:
        event.remove(database, "before_cursor_execute", note)
    written = [each.split()[:3] for each in statements if not each.startswith(("SELECT", "BEGIN"))]
    at_its_end = [["DELETE", "FROM", "worker_slots"], ["UPDATE", "leases", "SET"]]
    assert written == at_its_end


def test_a_lease_that_another_watcher_has_stays_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_LEASE_S", "0.001")
    get_settings.cache_clear()

    def take_over() -> None:
        """Let another watcher have the lease, which has run out."""
        with session_scope() as session:
            session.execute(update(Lease).values(holder="another", until=db_now(60)))

    watch(Between(3, take_over))
    with session_scope(read_only=True) as session:
        assert session.scalars(select(Lease.holder)).all() == ["another"]
