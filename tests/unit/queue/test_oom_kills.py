"""The kernel's count of processes ended for want of memory, wherever the machine shows it."""

from pathlib import Path

import pytest

from gateway.queue import oom_kills
from gateway.queue.oom_kills import OomKills, count_oom_kills

FILES = {
    "group 1": ("7:memory,hugetlb:/box/worker\n0::/\n", "memory/box/worker/memory.oom_control"),
    "group 1 in a container": ("7:cpu:/\n4:memory:/docker/1f\n", "memory/memory.oom_control"),
    "group 2": ("0::/system.slice/worker.service\n", "system.slice/worker.service/memory.events"),
    "group 2 in a container": ("0::/\n", "memory.events"),
    "group 2 above the view": ("0::/../other\n", "memory.events"),
}


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, file in (("MEMBERSHIP", "cgroup"), ("GROUPS", "groups"), ("MACHINE", "vmstat")):
        monkeypatch.setattr(oom_kills, name, tmp_path / file)
    return tmp_path


def write(file: Path, count: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"oom 9\noom_kill {count}\noom_group_kill 8\n")


@pytest.mark.parametrize("where", FILES)
def test_the_count_of_the_group_comes_before_that_of_the_machine(kernel: Path, where: str) -> None:
    membership, file = FILES[where]
    (kernel / "cgroup").write_text(membership)
    write(kernel / "groups" / file, 3)
    write(kernel / "vmstat", 5)
    assert count_oom_kills() == 3


@pytest.mark.parametrize("membership", ["0::/\n", "1:cpu:/\n", "", "nothing of the kind\n"])
def test_the_count_of_the_machine_is_the_last_resort(kernel: Path, membership: str) -> None:
    (kernel / "cgroup").write_text(membership)
    write(kernel / "vmstat", 5)
    assert count_oom_kills() == 5


def test_a_machine_without_a_count_has_none(kernel: Path) -> None:
    assert not (kernel / "cgroup").exists()
    assert count_oom_kills() == 0


def test_each_kill_explains_one_lost_process(kernel: Path) -> None:
    kills = OomKills()
    write(kernel / "vmstat", 7)
    assert not kills.explain(before=7)
    write(kernel / "vmstat", 8)
    assert kills.explain(before=7)
    assert not kills.explain(before=7)
    write(kernel / "vmstat", 10)
    assert [kills.explain(before=7) for _ in range(3)] == [True, True, False]
