"""Rows in a notebook: their state, steps and pictures, escaped, and equal wherever they came from."""

import copy
import pickle
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from hpc_gateway_client import Gateway, Job, Transfer
from hpc_gateway_client.models import Workflow
from tests.unit.client.test_pictures import preview

NOW = datetime(2026, 11, 30, tzinfo=UTC)
BAD = '<img src=x onerror="alert(1)">'
ROW: dict[str, Any] = {
    "id": UUID(int=1),
    "status": "completed",
    "state": "succeeded",
    "success": True,
    "reason": "",
    "infrastructure": "hpc",
    "created_at": NOW,
    "updated_at": NOW,
    "attempt": 1,
    "warnings": [],
}
JOB: dict[str, Any] = ROW | {
    "scheduler_id": "1",
    "exit_code": 0,
    "services": ["fft", "knn"],
    "params": {},
    "submitted_at": NOW,
    "started_at": NOW,
    "outputs": [
        {"service": name, "path": f"/x/{name}.csv", "bytes": 1, "sha256": ""} for name in ("fft", "knn")
    ],
}
STEP = {"name": "job", "kind": "job", "id": UUID(int=2), "state": "succeeded", "reason": BAD}
WORKFLOW: dict[str, Any] = ROW | {
    "steps": [STEP],
    "bytes_total": 10,
    "bytes_done": 5,
    "outputs": [JOB["outputs"][0] | {"job": "job"}],
}


def gateway(answer: httpx.Response | Exception, row: Any, asked: list[str] | None = None) -> Gateway:
    """Return a client whose gateway answers with the row, and with `answer` to a request for its preview."""

    def handle(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/preview"):
            there = request.url.path == row.url
            return httpx.Response(200 if there else 404, text=row.model_dump_json() if there else "{}")
        (asked if asked is not None else []).append(request.url.path)
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = Gateway("http://gateway.test", "hpc")
    made._http = httpx.Client(transport=httpx.MockTransport(handle), base_url=made.url)  # noqa: SLF001  in place of a server
    return made


def test_a_run_shows_its_steps_its_progress_and_its_picture() -> None:
    asked = list[str]()
    with gateway(httpx.Response(200, json=preview([0, 1, None])), Workflow(**WORKFLOW), asked) as found:
        html = found.workflow(UUID(int=1))._repr_html_()
    assert asked == [f"/job/{UUID(int=2)}/outputs/fft/preview"]
    for part in ("<svg", "succeeded", '<progress max="10" value="5">', f"workflow {UUID(int=1)}"):
        assert part in html
    assert "<img" not in html


def test_a_job_shows_the_pictures_of_its_results_without_labels() -> None:
    asked = list[str]()
    with gateway(httpx.Response(200, json=preview([0, 1])), Job(**JOB), asked) as found:
        html = found.find(UUID(int=1))._repr_html_()
    assert asked == [f"/job/{UUID(int=1)}/outputs/fft/preview"]
    assert html.count("<svg") == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.ConnectError("away"), "no picture: http://gateway.test does not answer"),
        (httpx.Response(404, json={"detail": BAD}), "no picture of fft: &lt;img"),
        (httpx.Response(200, json={}), "no picture of fft: the gateway&#x27;s answer is no preview"),
    ],
    ids=["away", "refused", "no preview"],
)
def test_a_row_is_shown_without_its_picture(answer: Any, words: str) -> None:
    with gateway(answer, Workflow(**WORKFLOW)) as found:
        html = found.workflow(UUID(int=1))._repr_html_()
    assert words in html
    assert "<img" not in html


@pytest.mark.parametrize("changes", [{"state": BAD, "success": False}, {"reason": BAD}, {"warnings": [BAD]}])
def test_texts_of_a_row_are_escaped(changes: dict[str, Any]) -> None:
    for row in (Workflow(**(WORKFLOW | changes)), Job(**(JOB | changes | {"services": [BAD]}))):
        assert "<img" not in row._repr_html_()
        assert "&lt;img" in row._repr_html_()


def test_a_transfer_is_shown_too() -> None:
    row = Transfer(**(ROW | {"kind": "s3_data", "bytes_total": None, "bytes_done": 3}))
    assert f"s3_data {UUID(int=1)}" in row._repr_html_()


def test_rows_are_equal_copied_and_stored_by_their_fields() -> None:
    own = Job(**JOB)
    with gateway(httpx.Response(404), own) as first, gateway(httpx.Response(404), own) as second:
        found, again = first.find(UUID(int=1)), second.find(UUID(int=1))
        assert found == again == own
        assert pickle.loads(pickle.dumps(found)) == copy.deepcopy(found) == found  # noqa: S301  our own
        assert "origin" not in str(found.model_dump())
