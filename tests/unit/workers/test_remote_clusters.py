"""`worker --remote`: clusters are served, replaced and dropped as the database changes."""

import time
from pathlib import PurePosixPath

import pytest

from gateway.clusters.configuration import Cluster
from gateway.supervision import Supervisor
from workers import remote_clusters
from workers.remote_clusters import Part, RemoteClusters


class Children(Supervisor):
    """Records the processes instead of forking them."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str] = []
        self.ends: list[tuple[str, int]] = []

    def fork(self, name: str, patience_s: float = 0) -> bool:  # noqa: ARG002
        self.running.append(name)
        return False

    def ended(self) -> tuple[str, int] | None:
        return self.ends.pop(0) if self.ends else None

    def hand_over(self, name: str) -> None:  # type: ignore[override]
        self.running.remove(name)

    def stop_some(self, names: object) -> None:
        for name in list(names):  # type: ignore[call-overload]
            self.running.remove(name)


def cluster(name: str, revision: int = 1) -> Cluster:
    return Cluster(name=name, scheduler="slurm", home=PurePosixPath("/home/x"), revision=revision)


def parts(name: str) -> list[Part]:
    return [Part(f"worker {name}", "x", ()), Part(f"watcher {name}", "x", ())]


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[str, Cluster]:
    found: dict[str, Cluster] = {}
    monkeypatch.setattr(remote_clusters, "_read_clusters", lambda: dict(found))
    monkeypatch.setattr(remote_clusters, "LOOK_S", 0.0)
    return found


def look(remote: RemoteClusters, children: Children, rounds: int = 1) -> None:
    """Run some rounds; the end of a process of the command line stops the loop."""
    for _ in range(rounds):
        children.ends.append(("housekeeping", 0))
        assert remote.run() == ("housekeeping", 0)
        for part in remote._due():  # noqa: SLF001
            children.fork(part.name)


def test_clusters_are_served_while_they_are_there(stored: dict[str, Cluster]) -> None:
    children = Children()
    remote = RemoteClusters(children, parts)
    look(remote, children)
    assert children.running == []
    stored["far"] = cluster("far")
    look(remote, children, 2)
    assert children.running == ["worker far", "watcher far"]
    stored["far"], stored["other"] = cluster("far", 2), cluster("other")
    look(remote, children)
    assert sorted(children.running) == ["watcher far", "watcher other", "worker far", "worker other"]
    del stored["far"]
    look(remote, children)
    assert sorted(children.running) == ["watcher other", "worker other"]


def test_a_process_that_ends_is_started_again(
    stored: dict[str, Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    children, clock = Children(), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    remote = RemoteClusters(children, parts)
    stored["far"] = cluster("far")
    look(remote, children)
    children.ends.append(("watcher far", 1))
    look(remote, children)
    assert children.running == ["worker far"]
    clock[0] += 1.5
    look(remote, children)
    assert children.running == ["worker far", "watcher far"]
