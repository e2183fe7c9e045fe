"""Workflows while the worker, the API and the queue are killed: each step runs once, each ends rightly."""

from typing import Any

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE
from tests.client import BUCKET, Client, Status, recording
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.polling import until

ENDS = {"succeeded", "failed", "cancelled"}
SCALE: dict[str, Any] = {"name": "scale", "services": ["min_max"], "watch_period": 1}
SPECTRUM: dict[str, Any] = {"name": "spectrum", "services": ["fft"], "watch_period": 1}
SHAPES = [
    [SCALE],
    [SCALE, {**SPECTRUM, "input_from": "scale"}],
    [SCALE, SPECTRUM],
]


def _start(client: Client, number: int) -> Status:
    store = {name: value for name, value in client.store_fields().items() if name != "infrastructure"}
    body = {
        "infrastructure": INFRASTRUCTURE,
        "input": {"s3": {**store, "object": "faults/table.csv"}},
        "jobs": SHAPES[number % len(SHAPES)],
        "output": {"s3": {**store, "object": f"faults/{number}"}},
    }
    return client.post("/workflow", body)


def test_workflows_survive_kills_with_each_step_once(client: Client, history: History) -> None:
    client.put("faults/table.csv", recording())
    mine = [_start(client, number) for number in range(4)]

    def show() -> list[Status]:
        return [client.get(f"/workflow/{each['id']}") for each in mine]

    def begun() -> int:
        return sum(step["id"] is not None for each in show() for step in each["steps"])

    until("jobs have begun", lambda: begun() > 6)
    kill_part(client.stack, "worker")
    client.stack.start_worker()
    until("more steps have begun", lambda: begun() > 10)
    kill_part(client.stack, "worker")
    client.stack.start_worker()
    ended = [client.reaches("/workflow", each, ENDS) for each in mine]
    assert [(each["state"], each["reason"], each["attempt"]) for each in ended] == [("succeeded", "", 1)] * 4
    for each in ended:
        assert all(step["id"] for step in each["steps"])
        for step in each["steps"]:
            told = history.of({"id": step["id"]})
            assert told[0] == "accepted"
            assert told.count(told[-1]) == 1
    listed = client.s3.list_objects_v2(Bucket=BUCKET, Prefix="faults/")["Contents"]
    assert len([one for one in listed if one["Key"].endswith(("fft.csv", "min_max.csv"))]) == 5
