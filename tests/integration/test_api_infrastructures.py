"""The endpoints of infrastructures: entries that callers add, and telemetry of the workers."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway import leases
from gateway.clusters import heartbeats
from gateway.clusters.configuration import configured_clusters
from gateway.db import session_scope
from gateway.models import Workflow
from gateway.states import WorkflowState
from tests.bodies import DATA
from tests.rows import SECRET

NEW = {
    "name": "excess",
    "host": "login.example.org",
    "username": "user",
    "hostname": "login",
    "scheduler": "slurm",
    "ssh_key": {"type": "ssh-rsa", "path": "/etc/key", "password": SECRET},
}


SUMMARY = {"name": "excess", "host": "login.example.org", "hostname": "login", "scheduler": "slurm"}


def test_an_infrastructure_is_added_replaced_and_shown_without_its_secrets(api: TestClient) -> None:
    answer = api.post("/infrastructure", json=NEW)
    unserved = answer.json().pop("reason")
    assert "requests to this gateway need no account" in unserved
    assert (answer.status_code, answer.json()) == (201, {**SUMMARY, "reason": unserved})
    replaced = api.post("/infrastructure", json={**NEW, "host": "other.example.org"})
    assert (replaced.status_code, replaced.json()["host"]) == (201, "other.example.org")
    assert api.get("/infrastructure/excess").json()["host"] == "other.example.org"
    listed = api.get("/infrastructure")
    assert [entry["name"] for entry in listed.json()] == ["excess", "hpc", "unserved"]
    assert "key" not in listed.text
    assert SECRET not in listed.text
    assert api.post("/s3_data", json={**DATA, "infrastructure": "excess"}).status_code == 201
    assert api.post("/infrastructure", json={**NEW, "host": "other.example.org"}).status_code == 201
    for changed in ({"host": "third.example.org"}, {"username": "me"}, {"scheduler": "pbs"}, {"port": 23}):
        refused = api.post("/infrastructure", json={**NEW, "host": "other.example.org", **changed})
        assert (refused.status_code, "unfinished" in refused.json()["detail"]) == (409, True)
    rotated = api.post("/infrastructure", json={**NEW, "host": "other.example.org", "ssh_key": {"path": "x"}})
    assert rotated.status_code == 201
    assert api.delete("/infrastructure/excess").status_code == 409


def test_another_definition_at_the_worker_is_named(api: TestClient) -> None:
    for definition, differs in ((configured_clusters()["hpc"].fingerprint, False), ("of another file", True)):
        with session_scope() as session:
            heartbeats.record_heartbeat(session, "hpc", "w1", "", "", definition=definition)
        told = api.get("/infrastructure/hpc").json().get("reason", "")
        assert ("another definition of it than the API" in told) == differs


def test_an_infrastructure_is_deleted(api: TestClient) -> None:
    api.post("/infrastructure", json=NEW)
    assert api.delete("/infrastructure/excess").status_code == 204
    assert api.delete("/infrastructure/excess").status_code == 404
    assert api.get("/infrastructure/excess").status_code == 404
    assert api.delete("/infrastructure/hpc").status_code == 409
    assert api.post("/infrastructure", json=NEW).status_code == 201


def test_a_workflow_between_two_steps_keeps_its_infrastructure(api: TestClient) -> None:
    api.post("/infrastructure", json=NEW)
    with session_scope() as session:
        session.add(Workflow(owner="x", infrastructure="excess", plan={}, state=WorkflowState.RUNNING))
    assert api.delete("/infrastructure/excess").status_code == 409
    assert api.post("/infrastructure", json={**NEW, "host": "other.example.org"}).status_code == 409


def test_a_configured_name_is_left_as_configured(api: TestClient) -> None:
    answer = api.post("/infrastructure", json={**NEW, "name": "hpc"})
    assert answer.status_code == 201
    assert answer.json() == {"name": "hpc", "host": "localhost", "hostname": "", "scheduler": "local"}


@pytest.mark.parametrize(
    "change",
    [{"name": "a/b"}, {"name": "housekeeping"}, {"scheduler": "local"}, {"host": ""}, {"ssh_key": 1}],
)
def test_a_bad_infrastructure_is_400(api: TestClient, change: dict[str, Any]) -> None:
    answer = api.post("/infrastructure", json={**NEW, **change})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["loc"][1] == next(iter(change))


@pytest.mark.parametrize("name", ["nowhere", "%00", "a b", "%F0%9F%98%80"])
def test_an_unknown_name_is_404(api: TestClient, name: str) -> None:
    assert api.get(f"/infrastructure/{name}").status_code == 404
    assert api.get(f"/infrastructure/{name}/telemetry").status_code == 404


def test_telemetry_of_a_cluster_without_a_worker_is_503_and_says_so(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routers.infrastructure.ANSWER_S", 0.2)
    answer = api.get("/infrastructure/unserved/telemetry")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "`hpc-gateway worker unserved`" in answer.json()["detail"]
    api.post("/infrastructure", json=NEW)
    added = api.get("/infrastructure/excess/telemetry").json()["detail"]
    assert added == "no worker of 'excess' answers; telemetry needs `hpc-gateway worker --remote`"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "Slurm does not answer: (1800)",
            "the scheduler of 'hpc' gives no figures now, .*: Slurm does not .*",
        ),
        ("", "the worker of 'hpc' is connected and gave no figures within 0.2 s"),
    ],
)
def test_telemetry_names_the_part_that_is_away(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, error: str, words: str
) -> None:
    monkeypatch.setattr("api.routers.infrastructure.ANSWER_S", 0.2)
    with session_scope() as session:
        assert leases.acquire_lease(session, leases.watcher_lease("hpc"), "w1", 60)
        heartbeats.record_heartbeat(session, "hpc", "w1", error, "")
    answer = api.get("/infrastructure/hpc/telemetry")
    assert answer.status_code == 503
    assert re.match(words, answer.json()["detail"]), answer.json()
