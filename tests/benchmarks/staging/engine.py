"""One measured transfer in a warm process: the gateway's engine, or boto3 as it comes."""

import json
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

AT_ONCE = 8  # small files, as a worker with that many processes would


class Silent:
    """Nobody watches."""

    def expect(self, total_bytes: int) -> None:
        pass

    def advance(self, done_bytes: int) -> None:
        pass


def gateway(orders: dict[str, str]) -> Callable[[str, str], None]:
    folder = PurePosixPath(orders["folder"])
    site, settings = LocalSite([folder]), Settings(allowed_endpoints=["127.0.0.1"])
    credentials = Credentials(orders["access_key"], orders["secret_key"])

    def move(key: str, name: str) -> None:
        address = S3Address(orders["endpoint"], "local", orders["bucket"], key)
        if orders["direction"] == "down":
            stage_in(address, credentials, site, folder / name, Silent(), settings)
        else:
            stage_out(site, folder / name, address, credentials, Silent(), settings)

    return move


def boto3_defaults(orders: dict[str, str]) -> Callable[[str, str], None]:
    folder = Path(orders["folder"])
    client = boto3.client(
        "s3",
        endpoint_url=orders["endpoint"],
        region_name="local",
        aws_access_key_id=orders["access_key"],
        aws_secret_access_key=orders["secret_key"],
    )

    def move(key: str, name: str) -> None:
        if orders["direction"] == "down":
            client.download_file(orders["bucket"], key, str(folder / name))
        else:
            client.upload_file(str(folder / name), orders["bucket"], key)

    return move


def main() -> None:
    """Do it, and print seconds, CPU seconds and how much memory it took above that of the idle process."""
    orders = json.loads(sys.argv[1])
    move = {"gateway": gateway, "boto3": boto3_defaults}[orders["engine"]](orders)
    pairs = [pair.split("=") for pair in orders["pairs"].split()]
    idle_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, cpu = time.perf_counter(), time.process_time()
    if len(pairs) == 1:
        move(*pairs[0])
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda pair: move(*pair), pairs))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([seconds, cpu, (peak_kib - idle_kib) / 1024]))


if __name__ == "__main__":
    main()
