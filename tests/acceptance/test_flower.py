"""Flower tells the truth: through its API, and in a real browser."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack
from tests.client import Client, Status
from tests.conftest import absent
from tests.polling import until

# It reads the queue's events, never the database.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


class Flower:
    """Flower's own API."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def ended(self, task_id: str) -> dict[str, Any]:
        """Return a task that has ended, once its events have arrived."""

        def look() -> dict[str, Any] | None:
            answer = self.http.get(f"/api/task/info/{task_id}")
            found: dict[str, Any] = answer.json() if answer.is_success else {}
            return found if found.get("state") in {"SUCCESS", "FAILURE"} else None

        return until(f"Flower has seen the end of {task_id}", look)

    def tasks(self, name: str = "") -> list[dict[str, Any]]:
        """Return the tasks that Flower has seen."""
        found: dict[str, dict[str, Any]] = self.http.get(
            "/api/tasks", params={"taskname": name} if name else {}
        ).json()
        return list(found.values())


@pytest.fixture(scope="module")
def flower(stack: Stack) -> Iterator[Flower]:
    auth = ("demo", stack.flower_password)

    with httpx.Client(base_url=stack.flower_url, auth=auth, timeout=30) as http:

        def workers() -> Any:
            try:
                answer = http.get("/api/workers", params={"refresh": "true"})
            except httpx.TransportError:
                return None
            return answer.json() if answer.is_success else None

        until("Flower knows the workers", workers)
        yield Flower(http)


@pytest.fixture(scope="module")
def failed(client: Client, flower: Flower) -> Status:
    return client.moved("/s3_data", client.stage_in("a.csv", "serrano/data/a.csv", bucket="missing"))


def test_nobody_looks_without_the_password(stack: Stack, flower: Flower) -> None:
    for path in ("/", "/api/tasks", "/api/workers", "/metrics"):
        assert httpx.get(stack.flower_url + path).status_code == 401


def test_a_failed_transfer_is_found_by_its_id_and_says_why(flower: Flower, failed: Status) -> None:
    task = flower.ended(failed["id"])
    assert (task["name"], task["state"]) == ("transfers.run", "FAILURE")
    assert failed["reason"][:60] in task["exception"]
    assert task["args"] == f"['{failed['id']}']"
    assert task["kwargs"] == "{}"
    assert task["worker"].startswith(f"{INFRASTRUCTURE}@")
    assert task["runtime"] is None or task["runtime"] < 60


def test_a_failed_job_is_the_failure_of_its_end(client: Client, flower: Flower) -> None:
    bad = client.place("words.csv", b"not;a;number\n1;2;three\n")
    job = client.finished(client.compute(["fft"], bad))
    assert job["success"] is False
    assert flower.ended(job["id"])["state"] == "SUCCESS", "it was submitted well"

    def its_end() -> dict[str, Any] | None:
        ends = [t for t in flower.tasks("jobs.finish") if job["id"] in (t["args"] or "")]
        return ends[0] if ends and ends[0]["state"] == "FAILURE" else None

    end = until("jobs.finish has failed in Flower", its_end)
    assert job["reason"][:60] in end["exception"]


def test_flower_retries_by_id(client: Client, flower: Flower, failed: Status) -> None:
    answer = flower.http.post(
        "/api/task/async-apply/operator.retry", json={"args": [failed["id"], "ada", "from Flower"]}
    )
    assert answer.status_code == 200, answer.text
    assert flower.ended(answer.json()["task-id"])["state"] == "SUCCESS"
    events = client.http.get(f"/s3_data/{failed['id']}/events").json()
    retried = [event for event in events if event["actor"] == "ada"]
    assert [(e["to_state"], e["attempt"], e["reason"]) for e in retried] == [("accepted", 2, "from Flower")]
    client.moved("/s3_data", failed)


def test_a_refused_retry_fails_in_flower_with_the_refusal(flower: Flower) -> None:
    answer = flower.http.post("/api/task/async-apply/operator.retry", json={"args": ["nonsense"]})
    task = flower.ended(answer.json()["task-id"])
    assert task["state"] == "FAILURE"
    assert "not an id" in task["exception"]


def test_flower_shows_no_secret_and_no_sweeps(stack: Stack, flower: Flower, failed: Status) -> None:
    tasks = flower.tasks()
    assert tasks
    assert not [task for task in tasks if task["name"] == "housekeeping.sweep"]
    assert stack.store.secret_key not in str(tasks)


def _dump(stack: Stack, path: str, folder: Path) -> str:
    """Return a page of Flower as a browser has it after its script."""
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("Chromium")
    url = stack.flower_url.replace("http://", f"http://demo:{stack.flower_password}@")
    argv = [
        *(str(chromium), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={folder}", "--virtual-time-budget=10000", "--dump-dom", url + path),
    ]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout


def test_a_browser_sees_the_failure(stack: Stack, flower: Flower, failed: Status, tmp_path: Path) -> None:
    page = _dump(stack, f"/task/{failed['id']}", tmp_path)
    assert "FAILURE" in page
    assert failed["reason"][:40] in page
    assert "transfers.run" in page


def test_the_consoles_link_finds_each_task_of_a_row_and_no_other(
    stack: Stack, client: Client, flower: Flower, failed: Status, tmp_path: Path
) -> None:
    """The second of these jobs may share the message of its submission with the first."""
    path = client.place("small.csv", b"a\n1\n2\n3\n")
    jobs = [client.compute(["fft"], path) for _ in range(3)]
    for job in jobs:
        client.finished(job)
    page = _dump(stack, f"/tasks?name=jobs.%20args:{jobs[-1]['id']}", tmp_path)
    assert [name for name in ("jobs.submit", "jobs.finish") if name not in page] == []
    assert (jobs[-1]["id"] in page, failed["id"] in page) == (True, False)
