"""Checks of a cluster that is reached over SSH: the log-in and its shell, and the files."""

import time
from datetime import timedelta
from secrets import token_hex

from gateway.clusters.configuration import Cluster
from gateway.command_runners.opening import open_ssh_runner
from gateway.db import utc_now
from gateway.errors import FilesystemError
from gateway.filesystems.opening import missing_folders, open_control

_PROBE_BYTES = 1 << 20


def check_log_in(cluster: Cluster) -> str:
    """Log in, and run a command; tell the text that start files print."""
    runner, began = open_ssh_runner(cluster), time.monotonic()
    name = runner.run(["uname", "-n"]).stdout.decode(errors="replace").strip()
    took_ms, chatter = (time.monotonic() - began) * 1000, runner.chatter()
    told = f"; its start files print {chatter!r}, which is passed over" if chatter else ""
    return f"logged in on {name} in {took_ms:.0f} ms{told}"


def check_files(cluster: Cluster) -> str:
    """Write, read and remove a file in the control folder; look for the folders of the clients."""
    control, path = open_control(cluster), cluster.control / f".doctor-{token_hex(4)}"
    began = time.monotonic()
    with control.receive(path) as incoming:
        incoming.write_at(bytes(_PROBE_BYTES), 0)
    try:
        with control.read(path) as source:
            if source.size != _PROBE_BYTES:
                raise FilesystemError(f"{path} has {source.size} bytes, expected {_PROBE_BYTES}")
    finally:
        control.remove_file(path, _PROBE_BYTES, utc_now() + timedelta(days=1))
    if missing := missing_folders(cluster):
        raise FilesystemError(f"not a folder: {', '.join(missing)}")
    return f"{cluster.control} can be written; 1 MiB took {(time.monotonic() - began) * 1000:.0f} ms"
