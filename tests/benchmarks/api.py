"""Requests per second, p50 and p99 of `POST /s3_data` and `GET /job/{id}`, either database, 1 or 2 processes.

Run it as `python -m tests.benchmarks.api`. The worker is stopped first, so that the API is measured
alone; both databases wait for the disk at every commit. The clients share the machine, so that the
processor time of a request says more about a larger one than the requests per second do.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import psutil

from hpc_gateway_commands.demo.stack import Stack, running_stack
from tests.client import DATA, Client, client_of
from tests.faults.killing import kill_part, tree
from tests.polling import until
from tests.postgres import create_database, postgres

CLIENTS = 8
REQUESTS = 1000
SETTLE_S = 3.0  # until every process is up


def measure(url: str, ask: Callable[[httpx.Client], httpx.Response]) -> tuple[float, float, float]:
    """Return requests per second, and p50 and p99 in milliseconds."""

    def one_client(_: int) -> list[float]:
        with httpx.Client(base_url=url, timeout=60) as http:
            return [_timed(http, ask) for _ in range(REQUESTS // CLIENTS)]

    begin = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        times = [each for some in clients.map(one_client, range(CLIENTS)) for each in some]
    rate = len(times) / (time.perf_counter() - begin)
    p50, p99 = np.percentile(np.array(times) * 1000, [50, 99])
    return rate, float(p50), float(p99)


def _timed(http: httpx.Client, ask: Callable[[httpx.Client], httpx.Response]) -> float:
    begin = time.perf_counter()
    ask(http).raise_for_status()
    return time.perf_counter() - begin


def _processor_s(roots: list[int]) -> float:
    """Return the processor time that the processes and those below them have used."""
    times = [process.cpu_times() for root in roots for process in tree(psutil.Process(root))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def both(client: Client, where: str, database: list[int]) -> None:
    """Measure both requests and print a row of the table for each."""
    job = client.compute(["fft"], "/Init_Data/nothing.csv")
    body = {
        "endpoint": client.stack.store.url,
        "bucket": "b",
        "object": "o",
        "dst": f"{DATA}/o",
        "access_key": "a",
        "secret_key": "s",
        "infrastructure": "demo",
    }
    requests: list[tuple[str, Callable[[httpx.Client], httpx.Response]]] = [
        ("`POST /s3_data`", lambda http: http.post("/s3_data", json=body)),
        ("`GET /job/{id}`", lambda http: http.get(f"/job/{job['id']}")),
    ]
    for name, ask in requests:
        parts = [[client.stack.parts.pid("api")], database]
        before = [_processor_s(part) for part in parts]
        rate, p50, p99 = measure(client.stack.api_url, ask)
        used = [1000 * (_processor_s(part) - was) / REQUESTS for part, was in zip(parts, before, strict=True)]
        print(f"| {where} | {name} | {rate:.0f} | {p50:.1f} | {p99:.1f} | {used[0]:.1f} | {used[1]:.1f} |")


def serve(stack: Stack, processes: int) -> None:
    """Start the API anew with so many processes."""
    kill_part(stack, "api")
    words = ("serve", "--port", str(stack.api_port), "--workers", str(processes))
    stack.parts.start("api", [sys.executable, "-m", "hpc_gateway_client", *words], stack.env)
    until("the API is there", lambda: _is_ready(stack))
    time.sleep(SETTLE_S)


def _is_ready(stack: Stack) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{stack.api_url}/health/ready").is_success
    return False


def on(database: str, its_own: dict[str, str], processes_of_it: list[int]) -> None:
    """Measure on one database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "stack", lambda _: None, flower=False, settings=its_own) as stack,
        client_of(stack) as client,
    ):
        kill_part(stack, "worker")
        for processes in (1, 2):
            serve(stack, processes)
            both(client, f"{database} | {processes}", processes_of_it)


def main() -> None:
    print("| database | processes | request | per second | p50 ms | p99 ms | API ms | database ms |")
    print("|---|---|---|---|---|---|---|---|")
    on("SQLite", {}, [])
    with postgres(durable=True) as server:
        postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
        on("PostgreSQL 15", {"GATEWAY_DATABASE_URL": create_database(server.url, "bench")}, [postmaster])


if __name__ == "__main__":
    main()
