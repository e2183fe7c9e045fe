"""Processes of this machine, known by more than a number that the system gives out again."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from gateway.schedulers.batch_script import Start

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_DEAD = frozenset("ZXx")
_LOOKS, _LOOK_AGAIN_S = 500, 0.01  # bounded: a process that waits for a dead disk cannot be killed
_STATE, _START_TICKS = 0, 19  # positions in /proc/<pid>/stat after the command's name


def is_alive(start: Start) -> bool:
    """Tell whether the very process that wrote the start still runs; a later one of its pid is another."""
    fields = _stat(start.pid)
    return fields is not None and _is_of(start, fields) and fields[_STATE] not in _DEAD


def terminate(start: Start) -> None:
    """Ask the script to end; it passes the request on to its ranks."""
    if is_alive(start):
        with suppress(ProcessLookupError):
            os.kill(start.pid, signal.SIGTERM)


def kill_session(start: Start) -> None:
    """Kill whatever is left of the session that the script led.

    A session's number is not given out again while a process is in it. So with its leader alive or a
    zombie, or with no process of that number, its members are ours; another process of that number means
    that none of them is left, and so does another boot.
    """
    fields = _stat(start.pid)
    if _boot_id() != start.boot_id or (fields is not None and not _is_of(start, fields)):
        return
    # Looking takes time: a process may start another one that this look did not see, hence look again.
    for _ in range(_LOOKS):
        members = _members(start.pid)
        if not members:
            return
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_AGAIN_S)


def _members(session: int) -> list[int]:
    return [pid for pid in psutil.pids() if _session_of(pid) == session and _is_running(pid)]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _is_running(pid: int) -> bool:
    fields = _stat(pid)
    return fields is not None and fields[_STATE] not in _DEAD


def _is_of(start: Start, fields: list[str]) -> bool:
    return int(fields[_START_TICKS]) == start.ticks and _boot_id() == start.boot_id


def _boot_id() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()
