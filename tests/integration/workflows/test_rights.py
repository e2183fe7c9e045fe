"""Rights at the beginning of a step: stored keys, clusters, roots and quotas are judged again."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, update

from gateway.clusters.configuration import clusters
from gateway.db import session_scope
from gateway.models import StoredCredential, Workflow
from gateway.operations.sweep import sweep
from gateway.settings import get_settings
from tests.rows import transfer
from tests.workflows import (
    SMOOTH,
    STORE,
    TARGET,
    body,
    end_job,
    end_transfer,
    post,
    show,
    start,
    states,
    step_id,
    workflow,
)

ASIDE: dict[str, Any] = {"name": "aside", "services": ["min_max"]}


def _stored(api: TestClient) -> str:
    keys = {name: STORE[name] for name in ("endpoint", "access_key", "secret_key")}
    return str(post(api, "/credentials", 201, name="n", **keys)["id"])


def _by_credential(place: dict[str, Any], credential: str) -> dict[str, Any]:
    return {"s3": {**place, "access_key": None, "secret_key": None, "credential_id": credential}}


def test_stored_keys_that_were_deleted_meanwhile_fail_the_step_in_words(api: TestClient) -> None:
    credential = _stored(api)
    mine = start(api, SMOOTH, output=_by_credential(TARGET, credential))["id"]
    end_transfer(mine)
    with session_scope() as session:
        session.execute(delete(StoredCredential))
    end_job(mine, "smooth")
    status = show(api, mine)
    reason = f"output.s3.credential_id: there are no credentials {UUID(credential)}: POST /credentials first"
    assert status["state"] == "failed"
    assert status["reason"] == f"result smooth/savitzky_golay.csv could not begin: {reason}"
    assert [(s["id"], s["state"], s["reason"]) for s in status["steps"]][-1] == (None, "failed", reason)
    assert states(status)["smooth"] == "succeeded"
    again = post(api, f"/workflow/{mine}/retry", output={"access_key": "new", "secret_key": "newer"})
    assert states(again)["smooth/savitzky_golay.csv"] == "accepted"


def test_a_cluster_that_is_gone_fails_the_step_in_words(api: TestClient) -> None:
    mine = start(api, SMOOTH)["id"]
    row_id = step_id(mine, "input", is_job=False)
    with session_scope() as session:
        session.execute(update(Workflow).values(infrastructure="gone"))
    end_transfer(mine)
    assert transfer(row_id).state == "completed"
    assert "could not begin: there is no infrastructure 'gone'" in show(api, mine)["reason"]


def test_roots_that_were_changed_meanwhile_fail_the_step_in_words(api: TestClient, tmp_path: Path) -> None:
    mine = start(api, SMOOTH)["id"]
    path = get_settings().infrastructures
    path.write_text(path.read_text().replace("max_cpus", f'roots = ["{tmp_path}/other"]\nmax_cpus', 1))
    clusters.cache_clear()
    end_transfer(mine)
    assert "leaves the folders that are allowed here" in show(api, mine)["reason"]


def test_a_full_quota_refuses_the_request_or_fails_the_step(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_CONCURRENT_JOBS", "1")
    get_settings.cache_clear()
    path = {"path": "/Init_Data/x.csv"}
    assert api.post("/workflow", json=body(SMOOTH, ASIDE, input=path)).status_code == 429
    assert api.get("/workflow").json()["items"] == []
    mine = start(api, SMOOTH, ASIDE)["id"]
    end_transfer(mine)
    assert states(show(api, mine)) | {"smooth": "accepted", "aside": "failed"} == states(show(api, mine))
    end_job(mine, "smooth")
    end_transfer(mine, "smooth/savitzky_golay.csv")
    status = show(api, mine)
    assert status["reason"].startswith("job aside could not begin: you have 1 unfinished jobs already")
    assert states(post(api, f"/workflow/{mine}/retry"))["aside"] == "accepted"


def test_secrets_of_an_ended_workflow_are_erased_in_time(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = start(api)["id"]
    end_transfer(mine, fault="x")
    assert workflow(UUID(mine)).output_secret is not None
    monkeypatch.setenv("GATEWAY_CREDENTIALS_KEPT_S", "0")
    get_settings.cache_clear()
    with session_scope() as session:
        sweep(session)
    row = workflow(UUID(mine))
    assert (row.input_secret, row.output_secret) == (None, None)
