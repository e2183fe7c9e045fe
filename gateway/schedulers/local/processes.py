"""Processes of this machine, identified by pid, start time and boot, because the kernel reuses pids."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from gateway.schedulers.attempt_record import Start

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_DEAD_STATES = frozenset("ZXx")
_KILL_ROUNDS, _KILL_PAUSE_S = (
    500,
    0.01,
)  # bounded: a dead disk delays SIGKILL
_STATE, _START_TICKS = 0, 19  # fields of /proc/<pid>/stat, counted after the command's name


def is_alive(start: Start) -> bool:
    """Tell whether the process that wrote the start still runs; a later process with its pid is another."""
    fields = _stat(start.pid)
    return fields is not None and _has_written(start, fields) and fields[_STATE] not in _DEAD_STATES


def terminate(start: Start) -> None:
    """Send SIGTERM to the script, which passes it on to its ranks."""
    if is_alive(start):
        with suppress(ProcessLookupError):
            os.kill(start.pid, signal.SIGTERM)


def kill_session(start: Start) -> None:
    """Kill all remaining processes of the session that the script led.

    The kernel does not reuse a session's number while a process is in the session. So its members are
    the job's while its leader is alive or a zombie, and while no process has that number. Another
    process with that number proves that no member is left, and so does another boot.
    """
    fields = _stat(start.pid)
    if _boot_id() != start.boot_id or (fields is not None and not _has_written(start, fields)):
        return
    # A process may start another one while the list is read, so the list is read until it is empty.
    for _ in range(_KILL_ROUNDS):
        members = _session_members(start.pid)
        if not members:
            return
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_KILL_PAUSE_S)


def _session_members(session: int) -> list[int]:
    return [pid for pid in psutil.pids() if _session_of(pid) == session and _is_running(pid)]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _is_running(pid: int) -> bool:
    fields = _stat(pid)
    return fields is not None and fields[_STATE] not in _DEAD_STATES


def _has_written(start: Start, fields: list[str]) -> bool:
    return int(fields[_START_TICKS]) == start.ticks and _boot_id() == start.boot_id


def _boot_id() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()
