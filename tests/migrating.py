"""`hpc-gateway migrate` as processes of their own."""

import os
import subprocess
import sys


def start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hpc_gateway_client", "migrate"]
    return subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(starters: list[subprocess.Popen[bytes]]) -> list[tuple[int, str]]:
    said = [starter.communicate(timeout=120)[0].decode() for starter in starters]
    return [(starter.returncode, words) for starter, words in zip(starters, said, strict=True)]
