"""The gateway's engine beside the clients that people use by hand: 1 GiB and many small files.

    python -m tests.benchmarks.staging.run [rounds] [small files]

Everything is on tmpfs. The clients take turns; medians are shown. `nginx` (apt nginx-light) stands for a
store that is faster than any client; SeaweedFS is a real one. awscli, s5cmd and rclone are found on PATH,
and left out otherwise; their figures include the start of the program, as their users feel it.
"""

import filecmp
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from gateway.embedded import free_ports
from tests import services

SIZE = 1 << 30
SMALL = 4096
BUCKET = "bench"
NGINX = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""


@dataclass(frozen=True)
class Task:
    """Some files in one direction."""

    store: str
    endpoint: str
    direction: str
    folder: Path
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        what = "1 GiB" if len(self.names) == 1 else f"{len(self.names)} x 4 KiB"
        return f"{what} {self.direction}, {self.store}"


Figures = tuple[float, float, float]


def warm(engine: str, task: Task, place: Path) -> Figures:
    orders = {
        "engine": engine,
        "direction": task.direction,
        "endpoint": task.endpoint,
        "bucket": BUCKET,
        "folder": str(place),
        "pairs": " ".join(f"{name}={name}" for name in task.names),
        "access_key": services.ACCESS_KEY,
        "secret_key": services.SECRET_KEY,
    }
    argv = [sys.executable, "-m", "tests.benchmarks.staging.engine", json.dumps(orders)]
    answer = subprocess.run(argv, check=True, capture_output=True, text=True)
    seconds, cpu, memory = json.loads(answer.stdout)
    return seconds, cpu, memory


def program(name: str, task: Task, place: Path) -> Figures:
    begun = time.perf_counter()
    process = subprocess.Popen(
        _argv(name, task, place), env=_environment(task), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said.decode()
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _argv(name: str, task: Task, place: Path) -> list[str]:
    there, here = f"s3://{BUCKET}/", f"{place}/"
    if len(task.names) == 1:
        there, here = there + task.names[0], here + task.names[0]
    source, target = (there, here) if task.direction == "down" else (here, there)
    if name == "awscli":
        extra = [] if len(task.names) == 1 else ["--recursive"]
        return ["aws", "--endpoint-url", task.endpoint, "s3", "cp", *extra, source, target]
    if name == "s5cmd":
        source += "" if len(task.names) == 1 else "*"
        return ["s5cmd", "--endpoint-url", task.endpoint, "cp", source, target]
    verb = "copyto" if len(task.names) == 1 else "copy"
    flags = ["--s3-no-check-bucket", "--transfers", "8", "--multi-thread-streams", "8"]
    return ["rclone", verb, *flags, source.replace("s3://", "bench:"), target.replace("s3://", "bench:")]


def _environment(task: Task) -> dict[str, str]:
    rclone = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": task.endpoint}
    return {
        **{name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"},  # plain http
        "AWS_ACCESS_KEY_ID": services.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": services.SECRET_KEY,
        "AWS_REGION": "local",
        **{f"RCLONE_CONFIG_BENCH_{key}": value for key, value in rclone.items()},
    }


CLIENTS = {
    "gateway": lambda task, place: warm("gateway", task, place),
    "boto3": lambda task, place: warm("boto3", task, place),
    "awscli": lambda task, place: program("awscli", task, place),
    "s5cmd": lambda task, place: program("s5cmd", task, place),
    "rclone": lambda task, place: program("rclone", task, place),
}


def measure(task: Task, clients: Sequence[str], rounds: int) -> None:
    figures: dict[str, list[Figures]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name in clients:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
                place = Path(folder) if task.direction == "down" else task.folder
                figures[name].append(CLIENTS[name](task, place))
                if task.direction == "down":
                    _check(task, place)
    print(f"\n{task.label} (load {os.getloadavg()[0]:.1f})\n{'':10}{'s':>8}{'CPU s':>8}{'MiB':>8}")
    for name, rows in figures.items():
        seconds, cpu, memory = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:10}{seconds:8.2f}{cpu:8.2f}{memory:8.0f}", flush=True)


def _check(task: Task, place: Path) -> None:
    for name in (task.names[0], task.names[-1]):
        assert filecmp.cmp(place / name, task.folder / name, shallow=False)


@contextmanager
def nginx(root: Path, folder: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, root=root))
    process = subprocess.Popen([str(shutil.which("nginx")), "-e", str(folder / "err"), "-c", str(config)])
    time.sleep(1)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def main(rounds: int = 3, count: int = 2000) -> None:
    """Measure every task with every client that is here."""
    present = {"awscli": "aws", "s5cmd": "s5cmd", "rclone": "rclone"}
    clients = [name for name in CLIENTS if name not in present or shutil.which(present[name])]
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        folder = root / BUCKET / "small"
        folder.mkdir(parents=True)
        root.chmod(0o755)
        big = folder.parent
        block = os.urandom(1 << 20)
        with (big / "big").open("wb") as file:
            file.writelines(block[n:] + block[:n] for n in range(SIZE >> 20))
        names = tuple(f"f{n}" for n in range(count))
        for name in names:
            (folder / name).write_bytes(os.urandom(SMALL))
        store = stack.enter_context(services.object_store(root))
        client = boto3.client(
            "s3",
            endpoint_url=store.url,
            region_name="local",
            aws_access_key_id=services.ACCESS_KEY,
            aws_secret_access_key=services.SECRET_KEY,
        )
        client.create_bucket(Bucket=BUCKET)
        if shutil.which("nginx"):
            url = stack.enter_context(nginx(root, root))
            measure(Task("nginx", url, "down", big, ("big",)), clients, rounds)
        for tried in (("big",), names):
            place = big if len(tried) == 1 else folder
            for direction in ("up", "down"):
                measure(Task("SeaweedFS", store.url, direction, place, tried), clients, rounds)
            if len(tried) == 1:
                client.delete_object(Bucket=BUCKET, Key="big")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
