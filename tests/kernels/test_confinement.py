"""The confinement of a process that reads hostile files: its limits, and no way to a server."""

import socket
import subprocess
import sys

CODE = """
import os, resource, socket, sys
from hpc_kernels.confinement import confine
confine(1 << 30, 1000)
names = "DATA", "CORE", "FSIZE", "NOFILE"
print([resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in names])
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
    print("connected")
except OSError as error:
    print("refused")
"""


def test_limits_and_network() -> None:
    allowed = subprocess.run(["/usr/bin/unshare", "--user", "--net", "true"], check=False).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        argv = [sys.executable, "-c", CODE, str(server.getsockname()[1])]
        told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[0] == str([1 << 30, 0, 1000, 64])
    assert told[1] == ("refused" if allowed else "connected")
