"""Resources over REST: those that a cluster allows are stored and shown, others are refused; retries."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from gateway.clusters.configuration import clusters
from gateway.db import session_scope
from gateway.models import Job
from gateway.settings import get_settings
from gateway.states import JobState
from tests.bodies import JOB
from tests.ended_rows import ended_job
from tests.rows import job

CEILINGS = """[hpc.ceilings]
accounts = ["lab"]
qos = ["long"]
constraints = ["avx512"]
reservations = ["course"]
gres = ["gpu:2"]
time_limit_s = 600
memory_per_cpu_bytes = 1000
"""
CHOSEN = {
    "account": "lab",
    "qos": "long",
    "constraint": "avx512",
    "reservation": "course",
    "gres": "gpu:a100:2",
    "grow": True,
}


@pytest.fixture
def generous(api: TestClient) -> TestClient:
    path = get_settings().infrastructures
    path.write_text(path.read_text().replace("max_cpus = 4\n", f"max_cpus = 4\n{CEILINGS}", 1))
    clusters.cache_clear()
    return api


def _start(api: TestClient, resources: object) -> Any:
    return api.post("/job", json={**JOB, "resources": resources})


def _rows() -> int:
    with session_scope(read_only=True) as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


def _retry(api: TestClient, row_id: UUID, expected: int = 200, **body: object) -> dict[str, Any]:
    answer = api.post(f"/job/{row_id}/retry", json=body)
    assert answer.status_code == expected, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_allowed_resources_are_stored_and_shown(generous: TestClient) -> None:
    answer = _start(generous, CHOSEN)
    assert answer.status_code == 201, answer.text
    shown = generous.get(f"/job/{answer.json()['id']}").json()["resources"]
    assert CHOSEN.items() <= shown.items()
    assert job(UUID(answer.json()["id"])).resources == shown


@pytest.mark.parametrize("key", ["account", "qos", "constraint", "reservation", "gres"])
def test_a_cluster_that_lists_none_refuses_with_the_option_that_decides(api: TestClient, key: str) -> None:
    answer = _start(api, {key: CHOSEN[key]})
    assert answer.status_code == 400
    assert f"resources.{key}: this cluster lets clients choose none" in answer.json()["detail"]
    assert "of infrastructures.toml" in answer.json()["detail"]
    assert _rows() == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("account", "lab\nroot"),
        ("qos", "long,high"),
        ("constraint", "avx512&gpu"),
        ("constraint", "avx512|x"),
        ("reservation", "--uid=0"),
        ("account", "lab" * 100),
        ("qos", "größe"),
        ("gres", "gpu:2\n"),
        ("gres", "gpu:" + "9" * 400),
        ("gres", ["gpu"]),
        ("grow", "true"),
        ("time_limit_s", 2**31),
        ("memory_bytes", 2**63),
        ("acount", "lab"),
    ],
)
def test_hostile_resources_are_named_and_leave_no_row(generous: TestClient, key: str, value: object) -> None:
    row_id = ended_job(JobState.TIMEOUT)
    for answer in (
        _start(generous, {key: value}),
        generous.post(f"/job/{row_id}/retry", json={"resources": {key: value}}),
    ):
        assert answer.status_code == 400
        assert any(key in str(error) for error in answer.json()["errors"])
    assert (_rows(), job(row_id).attempt) == (1, 1)


def test_null_and_empty_texts_are_left_out(api: TestClient) -> None:
    nothing = dict.fromkeys(("partition", "account", "qos", "constraint", "reservation", "gres"), "")
    answer = _start(api, {**nothing, "nodes": None, "time_limit_s": None, "memory_bytes": None, "grow": None})
    assert answer.status_code == 201, answer.text


def test_a_retry_puts_its_resources_over_those_of_the_row(generous: TestClient) -> None:
    row_id = ended_job(JobState.TIMEOUT)
    _retry(generous, row_id, resources={"time_limit_s": 300, "account": "lab"}, reason="more time")
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.state = JobState.TIMEOUT
    status = _retry(generous, row_id, resources={"time_limit_s": 500, "memory_bytes": 3000, "grow": True})
    assert (status["status"], status["attempt"]) == ("queued", 3)
    shown = status["resources"]
    assert (shown["time_limit_s"], shown["memory_per_cpu_bytes"], shown["account"]) == (500, 750, "lab")
    assert shown["grow"] is True
    events = generous.get(f"/job/{row_id}/events").json()
    assert [event["reason"] for event in events if event["to_state"] == "accepted"][1:] == [
        "more time; resources.time_limit_s 300 in place of 600, resources.account lab in place of none",
        (
            "resources.time_limit_s 500 in place of 300, resources.grow True in place of False,"
            " resources.memory_bytes 3000 in place of none"
        ),
    ]


@pytest.mark.parametrize(
    "body", [None, {}, {"resources": None}, {"resources": {}}, {"resources": {"qos": None}}]
)
def test_a_retry_without_resources_keeps_those_of_the_row(api: TestClient, body: object) -> None:
    row_id = ended_job(JobState.TIMEOUT)
    before = job(row_id).resources
    answer = api.post(f"/job/{row_id}/retry", json=body)
    assert (answer.status_code, answer.json()["resources"]) == (200, before)
    assert api.get(f"/job/{row_id}/events").json()[-1]["reason"] == ""


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"time_limit_s": 601}, "resources.time_limit_s: 601 is above this cluster's ceiling of 600"),
        ({"memory_bytes": 4001}, "resources.memory_bytes: 4001 is above this cluster's ceiling of 4000"),
        ({"nodes": 5}, "resources.nodes: 5 nodes are more than the 4 ranks"),
        ({"account": "other"}, "resources.account: 'other' is not among lab"),
        ({"gres": "gpu:3"}, "resources.gres: 3 of gpu on each node is above"),
    ],
)
def test_a_retry_has_the_checks_of_a_request(
    generous: TestClient, resources: dict[str, object], words: str
) -> None:
    row_id = ended_job(JobState.TIMEOUT)
    before = job(row_id).resources
    assert words in _retry(generous, row_id, 400, resources=resources)["detail"]
    assert (job(row_id).attempt, job(row_id).resources) == (1, before)


def test_resources_for_a_run_that_is_not_run_again_are_refused(api: TestClient) -> None:
    row_id = ended_job(JobState.FAILED)
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.finding = {**(row.finding or {}), "state": "succeeded"}
    assert "retry it without resources" in _retry(api, row_id, 409, resources={"time_limit_s": 60})["detail"]
    assert job(row_id).attempt == 1


def test_a_job_that_ended_well_is_not_retried_with_more(api: TestClient) -> None:
    row_id = ended_job(JobState.SUCCEEDED)
    _retry(api, row_id, 409, resources={"time_limit_s": 60})
    assert job(row_id).resources["time_limit_s"] is None


def test_a_repeated_request_is_one_retry(generous: TestClient) -> None:
    row_id = ended_job(JobState.TIMEOUT)
    headers, body = {"Idempotency-Key": "k" * 20}, {"resources": {"time_limit_s": 60}}
    first = generous.post(f"/job/{row_id}/retry", json=body, headers=headers)
    again = generous.post(f"/job/{row_id}/retry", json=body, headers=headers)
    assert (first.status_code, again.json()) == (200, first.json())
    assert job(row_id).attempt == 2


def test_null_resources_are_left_out_ones(api: TestClient) -> None:
    body = {"services": ["fft"], "infrastructure": "hpc", "params": {"read_input_data": "/x.csv"}}
    answers = [api.post("/job", json=body), api.post("/job", json={**body, "resources": None})]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["resources"] == answers[1].json()["resources"]
