"""The parts of the gateway that run as root on this machine."""

import os

import psutil

from gateway.errors import GatewayError

_MODULE = "gateway.processes"
# The words of a command line that tell the part; the others are processes below one of these.
_PARTS = {"workers.launch:launch": "worker", "api.server:main": "API", "beat": "beat", "flower": "Flower"}


class RunsAsRoot(GatewayError):
    """A part of the gateway, or the check itself, has more rights than it needs."""

    title = "Runs as root"


def check_accounts() -> str:
    """Return the account of this check, or raise RunsAsRoot with the parts that are root's."""
    found = [f"the {name} (process {pid}) runs as root" for name, pid in root_parts()]
    if os.geteuid() == 0:
        found.append("this command runs as root")
    if found:
        raise RunsAsRoot("; ".join(found))
    return f"account {os.geteuid()}; no part of the gateway runs as root here"


def root_parts() -> list[tuple[str, int]]:
    """Return name and process id of the parts that run as root here."""
    found = {
        process.pid: (name, process.info["ppid"])
        for process in psutil.process_iter(["cmdline", "ppid", "uids"])
        if (name := _part(process.info["cmdline"] or [])) and process.info["uids"].effective == 0
    }
    return [(name, pid) for pid, (name, parent) in found.items() if parent not in found]  # not their forks


def _part(words: list[str]) -> str:
    if _MODULE not in words[:5]:
        return ""
    return next((name for mark, name in _PARTS.items() if mark in words), "")
