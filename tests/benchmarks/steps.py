"""Time from the end of a workflow's step to the start of the next, on a started stack.

Run it as `python -m tests.benchmarks.steps [WORKFLOWS]`, for each database. The start is the claim of the
next step by a worker, for a transfer as for a job.
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, running_stack
from tests.client import Client, Status, client_of, recording
from tests.postgres import create_database, postgres

ENDS = {"succeeded", "failed", "cancelled"}
STARTS = {"transferring", "submitting"}


def run(client: Client, number: int) -> Status:
    """Run a workflow of two jobs in a row."""
    store = {name: value for name, value in client.store_fields().items() if name != "infrastructure"}
    body = {
        "infrastructure": INFRASTRUCTURE,
        "input": {"s3": {**store, "object": "table.csv"}},
        "jobs": [
            {"name": "scale", "services": ["min_max"], "watch_period": 1},
            {"name": "spectrum", "services": ["fft"], "input_from": "scale", "watch_period": 1},
        ],
        "output": {"s3": {**store, "object": f"results/{number}"}},
    }
    ended = client.reaches("/workflow", client.post("/workflow", body), ENDS)
    assert ended["success"], ended["reason"]
    return ended


def pauses(client: Client, workflow: Status) -> Iterator[tuple[str, float]]:
    """Yield the name of each step after the first, and the seconds from the end before to its start."""
    ended: datetime | None = None
    for step in workflow["steps"]:
        events = client.http.get(f"/{step['kind']}/{step['id']}/events").json()
        started = next(_moment(event) for event in events if event["to_state"] in STARTS)
        if ended is not None:
            yield step["name"], (started - ended).total_seconds()
        ended = _moment(events[-1])


def _moment(event: Status) -> datetime:
    return datetime.fromisoformat(event["at"])


def measure(database: str, settings: dict[str, str], number: int) -> None:
    """Print the pauses of so many workflows on a stack with this database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "stack", lambda _: None, flower=False, settings=settings) as stack,
        client_of(stack) as client,
    ):
        client.put("table.csv", recording())
        run(client, 0)  # until the worker is up and the kernels are compiled
        found: dict[str, list[float]] = {}
        for each in range(1, number + 1):
            for name, seconds in pauses(client, run(client, each)):
                found.setdefault(name, []).append(seconds)
    for name, times in found.items():
        times.sort()
        print(f"| {database} | {name} | {statistics.median(times) * 1e3:.0f} | {times[-1] * 1e3:.0f} |")


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("| database | step | p50 ms | longest ms |\n|---|---|---|---|")
    measure("SQLite", {}, number)
    with ExitStack() as servers:
        url = create_database(servers.enter_context(postgres()).url, "steps")
        measure("PostgreSQL", {"GATEWAY_DATABASE_URL": url}, number)


if __name__ == "__main__":
    main()
