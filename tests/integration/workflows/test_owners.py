"""Workflows of two owners: neither sees, lists, cancels, retries or feeds on another's."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.accounts.api_keys import revoke_key
from gateway.callers import Scope
from gateway.db import session_scope
from tests.identity import bearer, new_key
from tests.rows import new_job
from tests.workflows import SMOOTH, body, end_job, end_transfer, new_workflow


@pytest.fixture
def eve(with_keys: TestClient) -> dict[str, str]:
    return bearer(new_key("eve"))


@pytest.mark.parametrize("call", ["GET ", "GET /events", "GET ?wait=1", "POST /cancel", "POST /retry"])
def test_another_owners_workflow_does_not_exist(
    with_keys: TestClient, eve: dict[str, str], call: str
) -> None:
    method, path = call.split(" ")
    mine = new_workflow("ada")
    answer = with_keys.request(method, f"/workflow/{mine}{path}", headers=eve)
    assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no workflow {mine}")


def test_lists_and_statuses_show_ones_own(with_keys: TestClient, eve: dict[str, str]) -> None:
    mine = str(new_workflow("ada"))
    assert with_keys.get("/workflow", headers=eve).json()["items"] == []
    assert with_keys.get("/workflow", headers=eve).json()["counts"] == {}
    assert with_keys.post("/status", json={"ids": [mine]}, headers=eve).json() == [None]
    operator = bearer(new_key("op", Scope.OPERATOR))
    assert [each["id"] for each in with_keys.get("/workflow", headers=operator).json()["items"]] == [mine]


def test_steps_belong_to_the_owner_of_the_workflow(with_keys: TestClient, eve: dict[str, str]) -> None:
    made = with_keys.post("/workflow", json=body(SMOOTH), headers=eve).json()
    assert made["owner"] == "eve"
    step = with_keys.get(f"/s3_data/{made['steps'][0]['id']}", headers=eve).json()
    assert step["owner"] == "eve"
    ada = bearer(new_key("ada"))
    assert with_keys.get(f"/s3_data/{step['id']}", headers=ada).status_code == 404


def test_another_owners_result_is_no_input(with_keys: TestClient, eve: dict[str, str]) -> None:
    name = f"{new_job(owner='ada')}.1"
    path = f"/Output_Data/jobs/{name}/CSVFormate/FFT_Filter_output.csv"
    answer = with_keys.post("/workflow", json=body(SMOOTH, input={"path": path}), headers=eve)
    assert answer.status_code == 404
    outside = f"/../../../ada/serrano/data{path}"
    answer = with_keys.post("/workflow", json=body(SMOOTH, input={"path": outside}), headers=eve)
    assert answer.status_code in {400, 404}


def test_another_owners_keys_are_not_there(with_keys: TestClient, eve: dict[str, str]) -> None:
    keys = {"name": "n", "endpoint": "https://s3.example.org", "access_key": "a", "secret_key": "s"}
    stored = with_keys.post("/credentials", json=keys, headers=bearer(new_key("ada"))).json()["id"]
    store = {"endpoint": "https://s3.example.org", "bucket": "b", "object": "x", "credential_id": stored}
    answer = with_keys.post("/workflow", json=body(SMOOTH, input={"s3": store}), headers=eve)
    assert (answer.status_code, "credential_id" in answer.text) == (400, True)


def test_a_key_of_one_owner_does_not_answer_another(with_keys: TestClient, eve: dict[str, str]) -> None:
    key = {"Idempotency-Key": "same"}
    ids = {
        with_keys.post("/workflow", json=body(SMOOTH), headers={**headers, **key}).json()["id"]
        for headers in (eve, bearer(new_key("ada")))
    }
    assert len(ids) == 2


def test_no_step_begins_for_an_owner_whose_keys_were_all_revoked(with_keys: TestClient) -> None:
    mine = str(new_workflow("ada"))
    first = new_key("ada")
    second = new_key("ada")
    _revoke(first)
    end_transfer(mine)
    status = _show_as(with_keys, mine, second)
    assert status["steps"][1]["state"] == "accepted"
    _revoke(second)
    end_job(mine, "smooth")
    status = _show_as(with_keys, mine, new_key("op", Scope.OPERATOR))
    assert status["reason"] == (
        "job spectrum could not begin: all keys of 'ada' were revoked: the owner may begin no work"
    )


def _revoke(key: str) -> None:
    with session_scope() as session:
        revoke_key(session, key.split("_")[1])


def _show_as(api: TestClient, mine: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/workflow/{mine}", headers=bearer(key)).json()
    return found
