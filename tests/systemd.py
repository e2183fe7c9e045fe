"""A systemd in namespaces of its own, which runs units as a machine does and leaves nothing behind."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.polling import until

# `/etc`, `/var/lib` and `/opt` are folders of the test; the hierarchy of cgroups begins at the test's own.
_BOOT = """
set -e
mount -t proc none /proc
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=755 none /run
mount --bind "$1/etc" /etc
mount --bind "$1/lib" /var/lib
mount --bind "$2" "$1/opt/hpc-gateway"
mount --rbind "$1/opt" /opt
exec /lib/systemd/systemd --system --unit=tests.target --show-status=false
"""
_JOIN = 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"'
_NAMESPACES = ("--cgroup", "--ipc", "--mount", "--pid", "--uts", "--fork", "--kill-child")
# The units that every service asks for, which here have nothing to do.
_TARGETS = ("tests", "sysinit", "basic", "shutdown", "multi-user", "network-online")


@dataclass(frozen=True)
class Systemd:
    """A running systemd, by the id of its first process."""

    pid: int

    def call(self, *words: str) -> str:
        """Run systemctl, and return its output."""
        return self._run("systemctl", "--no-pager", *words)

    def show(self, unit: str) -> dict[str, str]:
        """Return the state of a unit."""
        lines = self.call("show", "--property=ActiveState,SubState,Result,NRestarts", unit).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def rights(self, unit: str) -> dict[str, str]:
        """Return the status of the unit's main process in /proc."""
        pid = self.call("show", "--property=MainPID", "--value", unit)
        lines = self._run("cat", f"/proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def _run(self, *words: str) -> str:
        argv = ["nsenter", f"--target={self.pid}", "--all", *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@contextmanager
def systemd(folder: Path, units: Path, environment: Path) -> Iterator[Systemd]:
    """Boot a systemd with these units; its `etc`, `lib` and `opt` are in the folder."""
    for target in _TARGETS:
        (units / f"{target}.target").write_text(f"[Unit]\nDescription={target}\n")
    cgroup = _cgroups() / f"hpc-gateway-tests-{os.getpid()}"
    cgroup.mkdir()
    boot = ("unshare", *_NAMESPACES, "sh", "-c", _BOOT, "sh", str(folder), str(environment))
    argv = ("sh", "-c", _JOIN, "sh", str(cgroup), *boot)
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "SYSTEMD_UNIT_PATH": str(units),
        "SYSTEMD_LOG_TARGET": "console",
        "SYSTEMD_PROC_CMDLINE": "systemd.unified_cgroup_hierarchy=1",
        "container": "hpc-gateway-tests",
    }
    with (
        (folder / "systemd.log").open("wb") as log,
        subprocess.Popen(argv, env=env, stdout=log, stderr=log) as unshare,
    ):
        try:
            first = until("systemd runs", lambda: _first(psutil.Process(unshare.pid)))
            system = Systemd(first.pid)
            until("systemd answers", lambda: _answers(system))
            yield system
        finally:
            unshare.kill()
            unshare.wait()
            _remove(cgroup)


def _cgroups() -> Path:
    """Return where the machine has the hierarchy of cgroups, version 2."""
    argv = ["findmnt", "--noheadings", "--first-only", "--types=cgroup2", "--output=TARGET"]
    return Path(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip())


def _first(unshare: psutil.Process) -> psutil.Process | None:
    return next((child for child in unshare.children() if child.name() == "systemd"), None)


def _answers(system: Systemd) -> bool:
    try:
        return bool(system.call("list-units", "--no-legend"))
    except subprocess.CalledProcessError:
        return False


def _remove(cgroup: Path) -> None:
    """Remove a cgroup and those below it, once their processes are gone."""
    until("its processes have ended", lambda: "populated 0" in (cgroup / "cgroup.events").read_text())
    for below in sorted((path for path in cgroup.rglob("*") if path.is_dir()), reverse=True):
        below.rmdir()
    cgroup.rmdir()


def copy_etc(folder: Path, account: str, uid: int) -> Path:
    """Copy this machine's /etc for a systemd, and add an account; return the copy."""
    etc = folder / "etc"
    shutil.copytree("/etc", etc, symlinks=True)
    with (etc / "passwd").open("a") as passwd:
        passwd.write(f"{account}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n")
    with (etc / "group").open("a") as group:
        group.write(f"{account}:x:{uid}:\n")
    return etc
