"""Time of previews over REST, and the judge's, on a table of 113,000 x 50 cells.

Run it as `python -m tests.benchmarks.previews`. The result is one of kalman.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hpc_gateway_commands.demo.stack import running_stack
from tests.client import DATA, INPUTS, Client, client_of
from tests.machine_code import give_machine_code
from tests.polling import until

SAMPLES, SIGNALS, RUNS = 113_000, 50, 15


def table() -> bytes:
    values = np.random.default_rng(0).standard_normal((SAMPLES, SIGNALS)).round(6)
    header = ";".join(f"s{i}" for i in range(SIGNALS))
    return "\n".join([header, *(";".join(map(repr, row)) for row in values.tolist())]).encode()


def milliseconds(call: Callable[[], Any]) -> str:
    """Return median and largest time of a call."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return f"{statistics.median(times):.0f} | {max(times):.0f}"


def judged(client: Client, url: str) -> float:
    """Return the seconds until the staged table is known as a whole."""
    began = time.perf_counter()
    until("judged", lambda: client.get(f"{url}/table").get("whole") or None, 120)
    return time.perf_counter() - began


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "stack", lambda _: None, flower=False) as stack,
        client_of(stack) as client,
    ):
        give_machine_code(stack)
        client.put("table.csv", table())
        staged = client.moved("/s3_data", client.stage_in("table.csv", f"{DATA}/{INPUTS}/table.csv"))
        url = f"/s3_data/{staged['id']}"
        print(f"judged in {judged(client, url):.2f} s after the end of the transfer was seen\n")
        job = client.finished(client.compute(["kalman"], f"/{INPUTS}/table.csv", num_mpi_procs=1))
        assert job["success"], job["reason"]
        result = f"/job/{job['id']}/outputs/kalman/preview"
        print("| preview | bytes | median ms | largest ms |\n|---|---|---|---|")
        for path in (result, f"{result}?points=500", f"{result}?signals=s1,s2", f"{url}/preview"):
            size = len(client.http.get(path).content)
            print(f"| `{path.replace(job['id'], '{id}').replace(staged['id'], '{id}')}` | {size:,} |"
                  f" {milliseconds(partial(client.http.get, path))} |")  # fmt: skip


if __name__ == "__main__":
    main()
