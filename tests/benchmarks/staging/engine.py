"""One measured transfer in a warm process: the gateway's engine, boto3 as it comes, or obstore."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import boto3

from gateway.settings import Settings
from gateway.sites.local import LocalSite
from gateway.staging import stage_in, stage_out
from gateway.storage.s3 import Credentials, S3Address

AT_ONCE = 8  # small files, as a worker with that many processes would; and obstore's connections
PART_BYTES = 8 << 20


class Silent:
    """Nobody watches."""

    def expect(self, total_bytes: int) -> None:
        pass

    def advance(self, done_bytes: int) -> None:
        pass


def gateway(orders: dict[str, str]) -> Callable[[str], None]:
    folder = PurePosixPath(orders["folder"])
    site, settings = LocalSite([folder]), Settings(allowed_endpoints=["127.0.0.1"])
    credentials = Credentials(orders["access_key"], orders["secret_key"])

    def move(name: str) -> None:
        address = S3Address(orders["endpoint"], "local", orders["bucket"], name)
        if orders["direction"] == "down":
            stage_in(address, credentials, site, folder / name, Silent(), settings)
        else:
            stage_out(site, folder / name, address, credentials, Silent(), settings)

    return move


def boto3_defaults(orders: dict[str, str]) -> Callable[[str], None]:
    folder = Path(orders["folder"])
    client = boto3.client(
        "s3",
        endpoint_url=orders["endpoint"],
        region_name="local",
        aws_access_key_id=orders["access_key"],
        aws_secret_access_key=orders["secret_key"],
    )

    def move(name: str) -> None:
        if orders["direction"] == "down":
            client.download_file(orders["bucket"], name, str(folder / name))
        else:
            client.upload_file(str(folder / name), orders["bucket"], name)

    return move


def obstore_parts(orders: dict[str, str]) -> Callable[[str], None]:
    """Return what a transfer with obstore would be: its own uploads, and ranges to places in a file."""
    import obstore  # noqa: PLC0415  it is not a dependency: docs/decisions/staging.md
    from obstore.store import S3Store  # noqa: PLC0415  likewise

    folder = Path(orders["folder"])
    store = S3Store(
        orders["bucket"],
        endpoint=orders["endpoint"],
        region="local",
        access_key_id=orders["access_key"],
        secret_access_key=orders["secret_key"],
        client_options={"allow_http": True},
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
    names = orders["names"].split()
    idle_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, cpu = time.perf_counter(), time.process_time()
    if len(names) == 1:
        move(names[0])
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(move, names))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([seconds, cpu, (peak_kib - idle_kib) / 1024]))


if __name__ == "__main__":
    main()
