"""One round: every client moves 1 GiB, or many small files, up to a store and down again, all on tmpfs.

    python -m tests.benchmarks.staging.run FIGURES nginx|nginx-tls|seaweedfs big|SMALL_FILES [CLIENT,…]

A line for each is added to the file FIGURES; `report` shows their medians. The clients come in a random
order. nginx (apt nginx-light) stands for a store that is faster than any client, SeaweedFS is a real one.
"""

import filecmp
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from tests import services
from tests.benchmarks.staging.clients import BUCKET, WARM, Task, present, run
from tests.benchmarks.staging.stub import stub

SIZE = 1 << 30
SMALL = 4096
MEMORY = "/dev/shm"  # noqa: S108  the machine's tmpfs


def _fill(folder: Path, count: int) -> tuple[str, ...]:
    """Write the files: one large one, or so many small ones."""
    if not count:
        block = os.urandom(1 << 20)
        with (folder / "big").open("wb") as file:
            file.writelines(block[n:] + block[:n] for n in range(SIZE >> 20))
        (folder / WARM).write_bytes(bytes(SMALL))
        return ("big",)
    names = tuple(f"f{n}" for n in range(count))
    for name in names:
        (folder / name).write_bytes(os.urandom(SMALL))
    return names


@contextmanager
def _seaweedfs(root: Path) -> Iterator[str]:
    with services.object_store(root) as store:
        store.client().create_bucket(Bucket=BUCKET)
        yield store.url


def _check(source: Path, target: Path, names: tuple[str, ...]) -> None:
    for name in (names[0], names[-1]):
        assert filecmp.cmp(source / name, target / name, shallow=False)


def _measure(up: Task, client: str) -> Iterator[dict[str, object]]:
    """Measure one client in both directions, and compare the files."""
    yield {"direction": "up", **asdict(run(client, up))}
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        down = replace(up, direction="down", folder=Path(folder))
        yield {"direction": "down", **asdict(run(client, down))}
        _check(up.folder, down.folder, up.names)


def main(figures: str, store: str, what: str, chosen: str = "") -> None:
    """Measure the clients once."""
    clients = chosen.split(",") if chosen else present()
    random.shuffle(clients)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        root = Path(folder)
        root.chmod(0o755)
        source = root / BUCKET
        source.mkdir()
        names = _fill(source, 0 if what == "big" else int(what))
        bundle = root / "authority.pem" if store == "nginx-tls" else None
        serving = _seaweedfs(root) if store == "seaweedfs" else stub(root, BUCKET, names, SMALL, bundle)
        with serving as endpoint, Path(figures).open("a") as file:
            for client in clients:
                for row in _measure(Task(endpoint, "up", source, names, bundle), client):
                    line = {"store": store, "what": what, "client": client, **row, "load": os.getloadavg()[0]}
                    print(json.dumps(line), flush=True)
                    file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
