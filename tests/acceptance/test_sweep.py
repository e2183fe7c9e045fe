"""A sweep on a running stack: members end each by itself, and a retry runs the failed ones."""

import csv
import io
from typing import Any

import numpy as np
import pytest

from tests.client import BUCKET, Client

# Scheduler and files are the same on each database.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)
WINDOWS = (3, 5, 21)


def wave(samples: int) -> bytes:
    rows = np.sin(np.arange(samples) / 5).tolist()
    return ("wave\n" + "\n".join(map(repr, rows)) + "\n").encode()


def body(client: Client, path: str) -> dict[str, Any]:
    smooth: dict[str, Any] = {
        "name": "smooth",
        "services": ["savitzky_golay"],
        "params": {"num_mpi_procs": 1},
    }
    options = {"polyorder": 1, "mode": "interp"}
    smooth["params"] = {"num_mpi_procs": 1, "savitzky_golay": options}
    members = [{"savitzky_golay": {"window_length": window}} for window in WINDOWS]
    store: dict[str, Any] = client.store_fields()
    return {
        "infrastructure": store.pop("infrastructure"),
        "input": {"path": path},
        "jobs": [smooth],
        "sweep": {"job": "smooth", "params": members},
        "output": {"s3": store | {"object": "swept/"}},
    }


def test_the_failed_member_alone_runs_again(client: Client) -> None:
    path = client.place("short.csv", wave(10))
    accepted = client.post("/workflow", body(client, path))
    url = f"/workflow/{accepted['id']}"
    ended = client.reaches("/workflow", accepted, {"succeeded", "failed", "cancelled"})
    assert (ended["state"], ended["success"]) == ("failed", False)
    assert "1 of 3 members did not succeed" in ended["reason"]
    first = client.get(f"{url}/members")["items"]
    assert [each["state"] for each in first] == ["succeeded", "succeeded", "failed"]
    assert "mode interp needs 21 samples" in first[2]["reason"]
    assert len({each["scheduler_id"] for each in first}) == 3

    client.place("short.csv", wave(50))
    again = client.http.post(f"{url}/retry")
    assert again.status_code == 200, again.text
    ended = client.reaches("/workflow", accepted, {"succeeded", "failed", "cancelled"})
    assert ended["state"] == "succeeded", ended["reason"]
    second = client.get(f"{url}/members")["items"]
    assert second[:2] == first[:2]
    assert (second[2]["state"], second[2]["exit_code"]) == ("succeeded", 0)
    assert second[2]["usage"]["cpu_s"] > 0

    table = list(csv.DictReader(io.StringIO(client.stored("swept/smooth/members.csv").decode())))
    assert [(row["member"], row["state"]) for row in table] == [(f"{k:04d}", "succeeded") for k in range(3)]
    assert [row["params.savitzky_golay.window_length"] for row in table] == [*map(str, WINDOWS)]
    listed = client.s3.list_objects_v2(Bucket=BUCKET, Prefix="swept/")["Contents"]
    keys = [f"swept/smooth/{k:04d}/savitzky_golay.csv" for k in range(3)]
    assert sorted(each["Key"] for each in listed) == [*keys, "swept/smooth/members.csv"]
    samples = [len(client.stored(key).splitlines()) for key in keys]
    assert [samples[0] == samples[1], samples[2] - samples[0]] == [True, 40]
