"""The kernel's count of processes that it ended for want of memory: in this control group, else in all."""

import re
from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP, GROUPS, MACHINE = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"), Path("/proc/vmstat")
_GROUP = re.compile(r"^\d+:([^:]*):/(.*)$", re.MULTILINE)
_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def count_oom_kills() -> int:
    """Return the kernel's count for the control group of this process, else for the machine."""
    for file in (*_files_of_group(), MACHINE):
        try:
            found = _COUNT.search(file.read_text())
        except OSError:
            continue
        if found is not None:
            return int(found[1])
    return 0


def _files_of_group() -> Iterator[Path]:
    """Yield the files that may hold the count; inside a container the group may be the root that it sees."""
    try:
        memberships = MEMBERSHIP.read_text()
    except OSError:
        return
    for controllers, group in _GROUP.findall(memberships):
        if "memory" in controllers.split(","):
            root, name = GROUPS / "memory", "memory.oom_control"
        elif not controllers:
            root, name = GROUPS, "memory.events"
        else:
            continue
        yield root / group / name
        yield root / name


class OomKills:
    """Tells whether a lost process was one of those; each of them explains one process."""

    def __init__(self) -> None:
        self._explained = 0

    def explain(self, before: int) -> bool:
        """Tell whether the count has grown since it was `before`, by a process not explained yet."""
        known = max(before, self._explained)
        if count_oom_kills() <= known:
            return False
        self._explained = known + 1
        return True
