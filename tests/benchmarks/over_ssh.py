"""Files and submissions over SSH on loopback: `PREFIX/venv/bin/python -m tests.benchmarks.over_ssh PREFIX`.

The files are on a tmpfs; OpenSSH's `sftp` moves the same ones beside ours. Submissions go to the Slurm of the
prefix (tests/cluster/provision.sh), which is started for them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from statistics import median
from uuid import uuid4

from gateway.filesystems.opening import open_control
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.filesystems.sftp.sessions import Sessions
from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.opening import open_scheduler
from tests.cluster.slurm_cluster import SlurmCluster
from tests.sshd import Sshd, running

SIZE, PIECE, THREADS, TURNS = 1 << 30, 1 << 20, 8, 3
ALONE, GROUPS, GROUP = 20, 6, 32


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        move_files(Path(folder))
    with cluster(Path(sys.argv[1])) as (top, made):
        submit(top, made)


def move_files(folder: Path) -> None:
    (folder / "sshd").mkdir()
    with running(folder / "sshd") as server:
        files = SftpFilesystem(Sessions(server.cluster(folder)), [PurePosixPath(folder)])
        for _ in range(TURNS):
            show("write", lambda: write(files, folder / "x"))
            show("read", lambda: read(files, folder / "x"))
            show("sftp put", lambda: sftp(server, f"put {folder}/x {folder}/y"))
            show("sftp get", lambda: sftp(server, f"get {folder}/y {folder}/z"))


def show(name: str, move: Callable[[], None]) -> None:
    begun = time.perf_counter()
    move()
    print(f"{name}: {SIZE / (time.perf_counter() - begun) / 1e6:.0f} MB/s", flush=True)


def in_threads(move: Callable[[int], object]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(move, range(0, SIZE, PIECE)))


def write(files: SftpFilesystem, path: Path) -> None:
    data = os.urandom(PIECE)
    with files.receive(PurePosixPath(path)) as incoming:
        in_threads(lambda offset: incoming.write_at(data, offset))


def read(files: SftpFilesystem, path: Path) -> None:
    with files.read(PurePosixPath(path)) as source:
        in_threads(lambda offset: source.read_into(memoryview(bytearray(PIECE)), offset))


def sftp(server: Sshd, command: str) -> None:
    known = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    access = ("-F", "none", "-i", str(server.key), "-P", str(server.port), *known)
    argv = ["/usr/bin/sftp", *access, "-o", "Ciphers=aes128-gcm@openssh.com", "-b", "-", "root@127.0.0.1"]
    subprocess.run(argv, input=command.encode(), capture_output=True, check=True)


@contextmanager
def cluster(prefix: Path) -> Iterator[tuple[Path, SlurmCluster]]:
    top = Path(tempfile.mkdtemp(prefix="over-ssh-"))
    top.chmod(0o755)
    for name in ("run", "sshd", "home"):
        (top / name).mkdir()
    made = SlurmCluster(prefix, top / "run")
    made.act("start")
    try:
        yield top, made
    finally:
        made.act("stop")
        shutil.rmtree(top, ignore_errors=True)


def submit(top: Path, made: SlurmCluster) -> None:
    with running(top / "sshd", f"SetEnv SLURM_CONF={made.conf} PATH={made.path}") as server:
        far = server.cluster(top / "home")
        scheduler, control = open_scheduler(far), open_control(far)

        def spec() -> JobSpec:
            name = f"{uuid4()}.1"
            folder = far.control / "runs" / name
            control.make_folder(folder)
            resources = Resources(partition="debug")
            return JobSpec(name, Path(folder), ("/bin/true",), 1, 1, "srun", {}, resources)

        alone = [timed(lambda: scheduler.submit(spec())) for _ in range(ALONE + 1)][1:]
        print(f"a job alone, with its folder: p50 {median(alone) * 1000:.0f} ms")
        groups = [[spec() for _ in range(GROUP)] for _ in range(GROUPS)]
        took_s = sum(timed(lambda group=group: scheduler.submit_many(group)) for group in groups)  # type: ignore[misc]
        print(f"groups of {GROUP}: {GROUPS * GROUP / took_s:.0f} jobs/s")
        print(f"a listing of them: p50 {median(timed(scheduler.jobs) for _ in range(5)) * 1000:.0f} ms")


def timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
