"""Requests per second, p50 and p99 of `POST /s3_data` and `GET /job/{id}`, one API process on SQLite.

Run it as `python -m tests.benchmarks.api`. The worker is stopped first, so that the API is measured alone.
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

from gateway.demo.stack import running_stack
from tests.client import DATA, Client, client_of
from tests.faults.killing import kill_part

CLIENTS = 8
REQUESTS = 1000


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


def both(client: Client) -> None:
    """Measure both requests and print the table."""
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
    print("| request | per second | p50 ms | p99 ms |\n|---|---|---|---|")
    requests: list[tuple[str, Callable[[httpx.Client], httpx.Response]]] = [
        ("`POST /s3_data`", lambda http: http.post("/s3_data", json=body)),
        ("`GET /job/{id}`", lambda http: http.get(f"/job/{job['id']}")),
    ]
    for name, ask in requests:
        rate, p50, p99 = measure(client.stack.api_url, ask)
        print(f"| {name} | {rate:.0f} | {p50:.1f} | {p99:.1f} |")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "stack", lambda _: None, flower=False) as stack,
        client_of(stack) as client,
    ):
        kill_part(stack, "worker")
        both(client)


if __name__ == "__main__":
    main()
