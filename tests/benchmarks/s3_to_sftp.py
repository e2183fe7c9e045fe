"""A gibibyte from S3 to SFTP on loopback: `python -m tests.benchmarks.s3_to_sftp STORE`, as root.

All files are on a tmpfs. STORE is `nginx`, which stands for a store faster than any client, or `seaweedfs`,
whose digests of parts are checked. Ours goes from the store to the cluster. Beside it, in turns: OpenSSH's
`sftp` with the same file, and `rclone`, where it is installed, from the file and from the store.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.command_runners.ssh.connections import close_all
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.filesystems.sftp.sessions import Sessions
from gateway.storage.address import S3Address
from tests import services
from tests.benchmarks.over_ssh import SIZE, TURNS, sftp
from tests.benchmarks.staging.clients import BUCKET, WARM
from tests.benchmarks.staging.stub import stub
from tests.sshd import Sshd, running
from tests.staging import SETTINGS, Recorder, stage_in

MEMORY = "/dev/shm"  # noqa: S108  the machine's tmpfs


def main(kind: str) -> None:
    """Print the speeds of each turn."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        folder = Path(name)
        (folder / "sshd").mkdir()
        with STORES[kind](folder) as store, running(folder / "sshd") as server:
            for _ in range(TURNS):
                show("ours", lambda: ours(server, store, folder))
                show("sftp put", lambda: sftp(server, f"put {folder}/big {folder}/y"))
                if shutil.which("rclone"):
                    show("rclone, file", lambda: rclone(server, store, f"{folder}/big", folder))
                    show("rclone, store", lambda: rclone(server, store, f"store:{BUCKET}/big", folder))


def write_file(path: Path) -> None:
    """Write the file."""
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        file.writelines(block[n % len(block) :] + block[: n % len(block)] for n in range(SIZE >> 20))


@contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """Put the file and a small one into SeaweedFS; yield its address."""
    write_file(folder / "big")
    with services.object_store(folder) as store:
        client = store.client()
        client.create_bucket(Bucket=BUCKET)
        client.upload_file(str(folder / "big"), BUCKET, "big")
        client.put_object(Bucket=BUCKET, Key=WARM, Body=bytes(4096))
        yield store.url


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Serve the file and a small one from the disk; yield the address."""
    bucket = folder / "served" / BUCKET
    bucket.mkdir(parents=True)
    write_file(folder / "big")
    (bucket / "big").hardlink_to(folder / "big")
    (bucket / WARM).write_bytes(bytes(4096))
    for path in (folder, bucket.parent, bucket):
        path.chmod(0o755)  # nginx's workers are of another account
    with stub(bucket.parent, BUCKET, ("big", WARM), SIZE) as url:
        yield url


STORES = {"nginx": nginx, "seaweedfs": seaweedfs}


def show(name: str, move: Callable[[], str | None]) -> None:
    """Print the speed of a move, and the line that it returns."""
    begun = time.perf_counter()
    told = move()
    seconds = json.loads(told)[0] if told else time.perf_counter() - begun
    print(f"{name}: {SIZE / seconds / 1e6:.0f} MB/s {told or ''}, load {os.getloadavg()[0]:.1f}", flush=True)


def ours(server: Sshd, store: str, folder: Path) -> str:
    """Let a process of its own move it; return its seconds, and its memory above idle in MiB."""
    words = (server.cluster(folder).model_dump_json(), store, str(folder))
    argv = [sys.executable, "-m", "tests.benchmarks.s3_to_sftp", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def move(cluster: str, url: str, folder: str) -> None:
    """Move a small file, then the large one."""
    files = SftpFilesystem(Sessions(Cluster.model_validate_json(cluster)), [PurePosixPath(folder)])

    def stage(name: str) -> None:
        address = S3Address(url, "local", BUCKET, name)
        stage_in(address, files, PurePosixPath(folder, f"{name}.here"), Recorder(), SETTINGS)

    stage(WARM)
    idle_kib, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    stage("big")
    seconds = time.perf_counter() - begun
    more_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle_kib
    print(json.dumps([round(seconds, 2), more_kib // 1024]))
    close_all()


def rclone(server: Sshd, store: str, source: str, folder: Path) -> None:
    """Let rclone copy it as it comes."""
    environment = {
        "PATH": os.environ["PATH"],
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_PROVIDER": "Other",
        "RCLONE_CONFIG_STORE_ENDPOINT": store,
        "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": services.ACCESS_KEY,
        "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": services.SECRET_KEY,
        "RCLONE_CONFIG_FAR_TYPE": "sftp",
        "RCLONE_CONFIG_FAR_HOST": "127.0.0.1",
        "RCLONE_CONFIG_FAR_USER": server.account,
        "RCLONE_CONFIG_FAR_PORT": str(server.port),
        "RCLONE_CONFIG_FAR_KEY_FILE": str(server.key),
    }
    argv = ["rclone", "copyto", "--ignore-times", source, f"far:{folder}/z"]
    subprocess.run(argv, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) == 2 else move(*sys.argv[1:])
