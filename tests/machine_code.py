"""Machine code of the kernels for started stacks: compiled once for all workers of a run of the tests."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from gateway.clusters.configuration import CONTROL
from gateway.jobs.spec import CACHE
from hpc_gateway_commands.demo.stack import Stack


@cache
def warmed(python: Path = Path(sys.executable)) -> Path:
    """Fill the kernels' own cache, one worker while the others wait; return its folder."""
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = subprocess.run([python, "-m", "hpc_kernels", "warm"], check=True, stdout=subprocess.PIPE)
    return Path(json.loads(told.stdout)["cache"])


def give_machine_code(stack: Stack, python: Path = Path(sys.executable)) -> None:
    """Put the machine code where the jobs of the stack look for it; its account may add to it."""
    control = stack.home / CONTROL
    control.mkdir(mode=0o700, exist_ok=True)
    shutil.copytree(warmed(python), control / CACHE, copy_function=link)
    uid = stack.home.stat().st_uid
    for folder in (control, control / CACHE):
        os.chown(folder, uid, -1)


def link(source: str, target: str) -> None:
    """Link a file, or copy it to another filesystem."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
