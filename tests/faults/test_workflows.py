"""Workflows while the worker, the API and the queue are killed: each step runs once, each ends rightly."""

import shutil
from contextlib import suppress
from typing import Any

import httpx
import pytest

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack, running_stack
from tests.client import END_S, Client, Status, client_of, recording
from tests.databases import ON_POSTGRESQL
from tests.faults.conftest import SETTINGS
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.polling import until
from tests.postgres import create_database, postgres

ENDS = {"succeeded", "failed", "cancelled"}
SCALE: dict[str, Any] = {"name": "scale", "services": ["min_max"], "watch_period": 1}
SPECTRUM: dict[str, Any] = {"name": "spectrum", "services": ["fft"], "watch_period": 1}
CHAIN = [SCALE, {**SPECTRUM, "input_from": "scale"}]
WINDOWS: list[dict[str, Any]] = [{"fft": {"window": window}} for window in ("none", "hann", "hamming")]
SHAPES: list[dict[str, Any]] = [
    {"jobs": [SCALE], "check": True},
    {"jobs": CHAIN},
    {"jobs": [SCALE, SPECTRUM]},
    {"jobs": CHAIN, "sweep": {"job": "spectrum", "params": WINDOWS}},
]


def _start(client: Client, number: int) -> Status:
    store = {name: value for name, value in client.store_fields().items() if name != "infrastructure"}
    body = {
        "infrastructure": INFRASTRUCTURE,
        "input": {"s3": {**store, "object": "faults/table.csv"}},
        "output": {"s3": {**store, "object": f"faults/{number}"}},
    }
    return client.post("/workflow", body | SHAPES[number % len(SHAPES)])


class Flows:
    """Workflows under way, and the steps of them that have begun."""

    def __init__(self, client: Client, number: int) -> None:
        client.put("faults/table.csv", recording())
        self._client, self.started = client, [_start(client, each) for each in range(number)]

    def begun(self) -> int:
        """Return the number of steps that have begun."""
        shown = self._client.http.post("/status", json={"ids": [each["id"] for each in self.started]}).json()
        return sum(step["id"] is not None for each in shown for step in each["steps"])

    def assert_each_step_ran_once(self, history: History, within_s: float) -> None:
        """Wait for the ends; each step has one row, one beginning and one end, and each result is there."""
        ended = [self._client.reaches("/workflow", each, ENDS, within_s) for each in self.started]
        told = [(each["state"], each["reason"], each["attempt"]) for each in ended]
        assert told == [("succeeded", "", 1)] * len(ended)
        for step in (step for each in ended for step in each["steps"]):
            states = history.of({"id": step["id"]})
            assert (states[0], states.count("accepted"), states.count(states[-1])) == ("accepted", 1, 1)
        results = [each["object"] for one in ended for each in one["outputs"] if each["object"]]
        results += [key for number in range(len(ended)) for key in self._member_results(number)]
        assert len(set(results)) == sum(len(_result_names(number)) for number in range(len(ended)))
        assert all(self._client.stored(key) for key in results)

    def _member_results(self, number: int) -> list[str]:
        """Return the objects of a sweep's members, each of which has succeeded once."""
        if "sweep" not in SHAPES[number % len(SHAPES)]:
            return []
        members = self._client.get(f"/workflow/{self.started[number]['id']}/members")["items"]
        assert [(each["state"], each["exit_code"]) for each in members] == [("succeeded", 0)] * len(WINDOWS)
        return [f"faults/{number}/spectrum/{member:04}/fft.csv" for member in range(len(members))]


def _result_names(number: int) -> list[str]:
    """Return the names of a workflow's results: of jobs without a successor, and of members."""
    shape = SHAPES[number % len(SHAPES)]
    if "sweep" in shape:
        return [f"spectrum/{member}" for member in range(len(WINDOWS))]
    used = {job.get("input_from") for job in shape["jobs"]}
    return [job["name"] for job in shape["jobs"] if job["name"] not in used]


@ON_POSTGRESQL
def test_workflows_survive_kills_with_each_step_once(client: Client, history: History) -> None:
    flows = Flows(client, 4)
    for number in (6, 10):
        until("steps have begun", lambda number=number: flows.begun() > number)  # type: ignore[misc]  # bound above
        kill_part(client.stack, "worker")
        client.stack.start_worker()
    flows.assert_each_step_ran_once(history, END_S)


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_hundred_workflows_survive_kills_of_every_part(client: Client, history: History) -> None:
    flows, stack = Flows(client, 100), client.stack
    kills = {
        "worker": stack.start_worker,
        "api": stack.start_api,
        "valkey": lambda: lose_data(stack),
        "beat": stack.start_beat,
    }
    for number, (part, start) in enumerate([*kills.items()] * 2, 1):
        until("more steps have begun", lambda number=number: flows.begun() > 100 + 30 * number, 300)  # type: ignore[misc]  # bound above
        kill_part(stack, part)
        start()
        until("the API answers", lambda: is_answered(client))
    flows.assert_each_step_ran_once(history, 600)


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_hundred_workflows_survive_a_database_that_fails(tmp_path_factory: pytest.TempPathFactory) -> None:
    """PostgreSQL is killed, as by a lost machine, and started again with its committed rows."""
    folder = tmp_path_factory.mktemp("database")
    with (
        postgres(durable=True) as server,
        running_stack(
            folder / "stack",
            lambda _: None,
            flower=False,
            settings=SETTINGS | {"GATEWAY_DATABASE_URL": create_database(server.url, "kills")},
        ) as stack,
        client_of(stack) as client,
    ):
        flows = Flows(client, 100)
        for number in range(1, 7):
            until("more steps have begun", lambda number=number: flows.begun() > 100 + 40 * number, 300)  # type: ignore[misc]  # bound above
            server.stop()
            server.start()
            until("the API answers", lambda: _is_ready(client))
        flows.assert_each_step_ran_once(History(stack), 600)


def _is_ready(client: Client) -> bool:
    with suppress(httpx.HTTPError):
        return client.http.get("/health/ready").status_code == 200
    return False


def lose_data(stack: Stack) -> None:
    """Start the killed queue without its data."""
    shutil.rmtree(stack.queue.folder)
    stack.start_queue()


def is_answered(client: Client) -> bool:
    """Return whether the API answers."""
    with suppress(httpx.HTTPError):
        return client.http.get("/health/live").status_code == 200
    return False
