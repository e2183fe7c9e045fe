"""The logs of a whole workflow are joined by one id: the row's, which the task and the batch job have too."""

import json
from typing import Any

from hpc_gateway_commands.demo.stack import Stack
from tests.client import Client
from tests.polling import until


def _lines(stack: Stack, part: str, work_id: str) -> list[dict[str, Any]]:
    """Return what a part has logged about a row; every line of it is JSON."""
    text = (stack.folder / "logs" / f"{part}.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("work_id") == work_id]


def test_a_jobs_request_tasks_and_batch_job_have_one_id(stack: Stack, client: Client) -> None:
    path = client.place("joined.csv", b"x;y\n1;2\n3;5\n4;9\n")
    params = {"read_input_data": path, "num_mpi_procs": 1}
    body = {"services": ["fft"], "infrastructure": "demo", "params": params}
    answer = client.http.post("/job", json=body, headers={"X-Request-ID": "asked-by-ada"})
    job = client.finished(answer.json(), within_s=200)
    assert job["success"], job["reason"]
    sent = _lines(stack, "api", job["id"])
    assert [line["request_id"] for line in sent if line["message"].startswith("sent jobs.submit")] == [
        "asked-by-ada"
    ]

    def whole_story() -> bool:
        told = " ".join(line["message"] for line in _lines(stack, "worker", job["id"]))
        return "jobs.submit" in told and "jobs.finish" in told

    until("the worker has told the job's story", whole_story)
    assert client.file(f"serrano/data/Output_Data/jobs/{job['id']}.1").is_dir()


def test_everything_that_the_gateway_logs_is_json(stack: Stack, client: Client) -> None:
    for part in ("api", "worker"):
        text = (stack.folder / "logs" / f"{part}.log").read_text(encoding="utf-8")
        odd = [line for line in text.splitlines() if line.startswith(("20", "[20", "INFO", "Traceback"))]
        assert odd == []
