"""A control group of memory for processes of a test, of either version of control groups."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.conftest import absent
from tests.polling import until

ROOT = Path("/sys/fs/cgroup")
ROOM_BYTES = 16 << 20
SPARED, USUAL, PREFERRED = "-1000", "0", "1000"  # of the kernel, when it chooses a process to end
# It joins the group and takes page by page, until the kernel has ended a process of the group for that.
FILLER = """
import mmap, os, sys
joined, counts = sys.argv[1:]
def count():
    return [line for line in open(counts) if line.startswith("oom_kill ")]
before = count()
open("/proc/self/oom_score_adj", "w").write("-1000")
open(joined, "w").write(str(os.getpid()))
memory = mmap.mmap(-1, 1 << 30)
for place in range(0, 1 << 30, 4096):
    memory[place] = 1
    if count() != before:
        break
"""


class ControlGroup:
    """A folder of the kernel's: `fill` takes its memory, and the kernel ends a process for that."""

    def __init__(self, folder: Path, *, is_new: bool) -> None:
        usage, self._none = ("memory.current", "max") if is_new else ("memory.usage_in_bytes", "-1")
        self._usage = folder / usage
        self.limit = folder / ("memory.max" if is_new else "memory.limit_in_bytes")
        self._counts = folder / ("memory.events" if is_new else "memory.oom_control")
        self.members = folder / "cgroup.procs"

    def add(self, process: psutil.Process) -> None:
        """Take a process into the group, and its children from now on."""
        self.members.write_text(str(process.pid))

    def fill(self, victim: psutil.Process) -> None:
        """Take the memory that the group has left, so that the kernel ends this process of it, and no other.

        A victim may free too little at once, and the kernel would end the next process as well.
        """
        self.score(SPARED)
        _score(victim.pid, PREFERRED)
        self.limit.write_text(str(int(self._usage.read_text()) + ROOM_BYTES))
        try:
            filler = [sys.executable, "-c", FILLER, str(self.members), str(self._counts)]
            subprocess.run(filler, check=True, timeout=60)
        finally:
            self.limit.write_text(self._none)

    def score(self, value: str) -> None:
        """Set how much the kernel prefers each process of the group as a victim."""
        for pid in self.members.read_text().split():
            _score(int(pid), value)


def _score(pid: int, value: str) -> None:
    with suppress(OSError):  # it has ended
        Path(f"/proc/{pid}/oom_score_adj").write_text(value)


@contextmanager
def memory_group(name: str) -> Iterator[ControlGroup]:
    """Make a control group, and put its processes back at the end; skip where this account may not."""
    is_new = not (ROOT / "memory").is_dir()
    top = ROOT if is_new else ROOT / "memory"
    folder = top / name
    try:
        folder.mkdir()
    except OSError as error:
        absent(f"a control group ({error})")
    group = ControlGroup(folder, is_new=is_new)
    try:
        if not group.limit.exists():
            absent("a control group that limits memory")
        yield group
    finally:
        group.score(USUAL)
        until("the control group has no process", lambda: _is_removed(group, folder, top))


def _is_removed(group: ControlGroup, folder: Path, top: Path) -> bool:
    """Move the processes out, and remove the group unless one of them has forked meanwhile."""
    with suppress(OSError):  # a process has ended, or there is a new one
        for pid in group.members.read_text().split():
            (top / "cgroup.procs").write_text(pid)
        folder.rmdir()
    return not folder.exists()
