"""One measured transfer in warm processes: the gateway's engine, boto3 as it comes, or obstore."""

import gc
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import boto3

from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from tests.benchmarks.staging.clients import WARM
from tests.staging import stage_in, stage_out

AT_ONCE = 8  # threads over small files; and obstore's connections
PROCESSES = 4  # of a worker, which is how the gateway moves small files: a group in each, several at once
PART_BYTES = 8 << 20


class Silent:
    """A Progress without an observer."""

    def expect(self, total_bytes: int) -> None:
        pass

    def advance(self, done_bytes: int) -> None:
        pass


def gateway(orders: dict[str, str]) -> Callable[[str], None]:
    folder = PurePosixPath(orders["folder"])
    bundle = Path(orders["bundle"]) if orders["bundle"] else None
    site, settings = SharedFilesystem([folder]), Settings(allowed_endpoints=["127.0.0.1"], ca_bundle=bundle)
    credentials = Credentials(orders["access_key"], orders["secret_key"])

    def move(name: str) -> None:
        address = S3Address(orders["endpoint"], "local", orders["bucket"], name)
        if orders["direction"] == "down":
            stage_in(address, site, folder / name, Silent(), settings, secret=credentials)
        else:
            stage_out(site, folder / name, address, Silent(), settings, secret=credentials)

    return move


def boto3_defaults(orders: dict[str, str]) -> Callable[[str], None]:
    folder = Path(orders["folder"])
    client = boto3.client(
        "s3",
        endpoint_url=orders["endpoint"],
        region_name="local",
        aws_access_key_id=orders["access_key"],
        aws_secret_access_key=orders["secret_key"],
        verify=orders["bundle"] or None,
    )

    def move(name: str) -> None:
        if orders["direction"] == "down":
            client.download_file(orders["bucket"], name, str(folder / name))
        else:
            client.upload_file(str(folder / name), orders["bucket"], name)

    return move


def obstore_parts(orders: dict[str, str]) -> Callable[[str], None]:
    """Return a transfer with obstore: its own uploads, and ranges to places in a file."""
    import obstore  # noqa: PLC0415  it is no dependency: docs/decisions/staging.md
    from obstore.store import S3Store  # noqa: PLC0415  it is no dependency

    folder = Path(orders["folder"])
    trusted = Path(orders["bundle"]).read_text() if orders["bundle"] else ""
    store = S3Store(
        orders["bucket"],
        endpoint=orders["endpoint"],
        region="local",
        access_key_id=orders["access_key"],
        secret_access_key=orders["secret_key"],
        client_options={"allow_http": True} | ({"root_certificate": trusted} if trusted else {}),
    )

    def move(name: str) -> None:
        if orders["direction"] == "up":
            obstore.put(store, name, folder / name, chunk_size=PART_BYTES, max_concurrency=AT_ONCE)
            return
        size = obstore.head(store, name)["size"]
        fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600)

        def part(start: int) -> None:
            data = obstore.get_range(store, name, start=start, end=min(start + PART_BYTES, size))
            os.pwrite(fd, data, start)

        if size <= PART_BYTES:
            part(0)
        else:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(part, range(0, size, PART_BYTES)))
        os.fsync(fd)
        os.close(fd)

    return move


ENGINES = {"gateway": gateway, "boto3": boto3_defaults, "obstore": obstore_parts}


def main() -> None:
    """Do it, and print seconds, CPU seconds and how much memory it took above that of the idle process."""
    orders = json.load(sys.stdin)
    move = ENGINES[orders["engine"]](orders)
    gc.collect()
    gc.freeze()  # as the launcher of workers does: else each full collection looks at the tests' modules
    names = orders["names"].split()
    if len(names) == 1:
        move(WARM)
    several = len(names) > 1 and orders["engine"] == "gateway"
    print(json.dumps(_in_processes(move, names) if several else _in_threads(move, names)))


def _in_threads(move: Callable[[str], None], names: list[str]) -> tuple[float, float, float]:
    idle_mib = _peak_mib()
    begun, cpu = time.perf_counter(), time.process_time()
    if len(names) == 1:
        move(names[0])
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(move, names))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return seconds, cpu, _peak_mib() - idle_mib


def _in_processes(move: Callable[[str], None], names: list[str]) -> tuple[float, float, float]:
    """Share the names out to forked processes, as a worker's pool does, and add up time and memory."""
    start = multiprocessing.Event()
    results: Any = multiprocessing.SimpleQueue()
    ready = multiprocessing.Semaphore(0)

    def serve(mine: list[str]) -> None:
        ready.release()
        start.wait()
        idle_mib, cpu = _peak_mib(), time.process_time()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(move, mine))
        results.put((time.process_time() - cpu, _peak_mib() - idle_mib))

    context = multiprocessing.get_context("fork")
    shares = (names[n::PROCESSES] for n in range(PROCESSES))
    processes = [context.Process(target=serve, args=(share,)) for share in shares]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    begun = time.perf_counter()
    start.set()
    taken = [results.get() for _ in processes]
    seconds = time.perf_counter() - begun
    return seconds, sum(cpu for cpu, _ in taken), sum(mib for _, mib in taken)


def _peak_mib() -> float:
    """Return the most memory that this process has had; `ru_maxrss` would count that of its starter too."""
    told = re.search(r"VmHWM:\s*([0-9]+)", Path("/proc/self/status").read_text())
    assert told
    return int(told[1]) / 1024


if __name__ == "__main__":
    main()
