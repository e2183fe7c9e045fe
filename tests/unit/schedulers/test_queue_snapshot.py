"""Positions and room from recorded records of Slurm."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.schedulers.slurm.queue_snapshot import Positions, QueueSnapshot, Room
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode
from gateway.schedulers.slurm.reports import translate_jobs

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def job(  # noqa: PLR0917
    number: int,
    priority: int = 1,
    partition: str = "debug",
    state: str = "PENDING",
    reason: str = "Priority",
    user_id: int = 7,
) -> SlurmJob:
    return SlurmJob(
        number, f"job{number}", state, reason, partition, priority, 2, 8, Path("/nowhere"), user_id
    )


def test_positions_of_jobs_that_the_snapshot_has_never_seen() -> None:
    others = Positions(
        [
            job(1, 9),
            job(2, 5),
            job(4, 5),
            job(3, 9, "gpu,debug"),
            job(5, 9, "gpu"),
            job(6, 99, state="RUNNING"),
        ]
    )
    assert others.count_ahead(job(3, 5)) == 3, "two of higher priority, and the earlier of the same"
    assert others.count_ahead(job(0, 9)) == 0
    assert others.count_ahead(job(9, 1, "debug,gpu")) == 4, "the first partition counts"
    assert others.count_ahead(job(9, 1, "elsewhere")) == 0


def test_own_jobs_and_those_of_others_are_ahead() -> None:
    own = [job(10, 5, user_id=1000), job(11, 3, user_id=1000), job(12, 4, user_id=1000)]
    queue = QueueSnapshot(Positions([job(1, 4), job(2, 9)]))
    reasons = {name: report.reason for name, report in translate_jobs(own, 1000, NOW, queue).items()}
    assert "1 job is ahead" in reasons["job10"]
    assert "4 jobs are ahead" in reasons["job11"]
    assert "3 jobs are ahead" in reasons["job12"]


@pytest.mark.parametrize(
    ("partition", "free"), [("debug", 2), ("gpu", 1), ("debug,gpu", 3), ("gpu,debug", 3), ("none", 0)]
)
def test_room_counts_a_node_of_two_partitions_once(partition: str, free: int) -> None:
    room = Room(
        [
            SlurmNode("n1", "IDLE", 4, 4, ("debug",)),
            SlurmNode("n2", "MIXED", 8, 5, ("debug", "both")),
            SlurmNode("n3", "MIXED", 8, 3, ("debug", "gpu")),
            SlurmNode("n4", "IDLE", 8, 8, ("gpu",)),
            SlurmNode("n5", "IDLE+DRAIN", 8, 8, ("gpu", "debug")),
        ]
    )
    assert room.count_free_nodes(job(1, partition=partition)) == free
    assert room.count_free_nodes(job(2, partition=partition)) == free


def test_the_states_of_nodes_are_read_once_for_all_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    free_cpus = SlurmNode.free_cpus.fget  # type: ignore[attr-defined]

    def count(node: SlurmNode) -> int:
        read.append(node.name)
        return int(free_cpus(node))

    monkeypatch.setattr(SlurmNode, "free_cpus", property(count))
    nodes = [SlurmNode(f"n{n}", "IDLE", 4, 4, ("debug",)) for n in range(50)]
    waiting = [job(n, reason="Resources", user_id=1000) for n in range(100)]
    reports = translate_jobs(waiting, 1000, NOW, QueueSnapshot(room=Room(nodes)))
    assert len(reports) == 100
    assert len(read) == 50
