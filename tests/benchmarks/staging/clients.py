"""Clients to be measured: engines in a warm Python process, and programs of the command line.

awscli, s5cmd and rclone are looked for on PATH; their figures include the start of the program, as their
users feel it. Memory of an engine is counted above that of its idle process, of a program from zero.
"""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from tests import services

ENGINES = ("gateway", "boto3", "obstore")
PROGRAMS = {"awscli": "aws", "s5cmd": "s5cmd", "rclone": "rclone"}
BUCKET = "bench"
WARM = "warm"  # a small file that an engine moves first: a worker's process has done so long ago
_LOOK_S = 0.01


@dataclass(frozen=True)
class Task:
    """Some files in one direction, between a store and a folder."""

    endpoint: str
    direction: str
    folder: Path
    names: tuple[str, ...]
    bundle: Path | None = None  # of authorities, where the store speaks TLS


@dataclass(frozen=True)
class Figures:
    """Time and memory that a client took for a task."""

    seconds: float
    cpu_s: float
    memory_mib: float


def present() -> list[str]:
    """Return the names of the clients that are here."""
    return [*ENGINES, *(name for name, program in PROGRAMS.items() if which(program))]


def run(client: str, task: Task) -> Figures:
    """Let a client carry out the task."""
    return _engine(client, task) if client in ENGINES else _program(client, task)


def _engine(name: str, task: Task) -> Figures:
    orders = {
        "engine": name,
        "direction": task.direction,
        "endpoint": task.endpoint,
        "bucket": BUCKET,
        "folder": str(task.folder),
        "names": " ".join(task.names),
        "bundle": str(task.bundle or ""),
        "access_key": services.ACCESS_KEY,
        "secret_key": services.SECRET_KEY,
    }
    argv = [sys.executable, "-m", "tests.benchmarks.staging.engine"]
    answer = subprocess.run(argv, input=json.dumps(orders), check=True, capture_output=True, text=True)
    return Figures(*json.loads(answer.stdout))


def _program(name: str, task: Task) -> Figures:
    begun, peak_kib = time.perf_counter(), 0
    argv, environment = _argv(name, task), _environment(task)
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            peak_kib = max(peak_kib, _peak_kib(process.pid))
            time.sleep(_LOOK_S)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
    assert process.returncode == 0, argv
    return Figures(time.perf_counter() - begun, ended[2].ru_utime + ended[2].ru_stime, peak_kib / 1024)


def _peak_kib(pid: int) -> int:
    """Return the most memory that the program has had; `ru_maxrss` would count that of its starter too."""
    told = re.search(r"VmHWM:\s*([0-9]+)", Path(f"/proc/{pid}/status").read_text())
    return int(told[1]) if told else 0


def _argv(name: str, task: Task) -> list[str]:
    there, here = f"s3://{BUCKET}/", f"{task.folder}/"
    is_one = len(task.names) == 1
    if is_one:
        there, here = there + task.names[0], here + task.names[0]
    source, target = (there, here) if task.direction == "down" else (here, there)
    if name == "awscli":
        return [
            "aws",
            "--endpoint-url",
            task.endpoint,
            "s3",
            "cp",
            *([] if is_one else ["--recursive"]),
            source,
            target,
        ]
    if name == "s5cmd":
        return ["s5cmd", "--endpoint-url", task.endpoint, "cp", source if is_one else f"{source}*", target]
    flags = ["--s3-no-check-bucket", "--no-check-dest", "--transfers", "8", "--multi-thread-streams", "8"]
    source, target = (place.replace("s3://", "bench:") for place in (source, target))
    return ["rclone", "copyto" if is_one else "copy", *flags, source, target]


def _environment(task: Task) -> dict[str, str]:
    rclone = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": task.endpoint}
    bundle = {"AWS_CA_BUNDLE": str(task.bundle), "RCLONE_CA_CERT": str(task.bundle)} if task.bundle else {}
    return {
        **{name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"},
        **bundle,
        "AWS_ACCESS_KEY_ID": services.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": services.SECRET_KEY,
        "AWS_REGION": "local",
        **{f"RCLONE_CONFIG_BENCH_{key}": value for key, value in rclone.items()},
    }
