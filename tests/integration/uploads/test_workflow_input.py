"""A workflow whose input is an uploaded file: staged from the gateway's own store, for its owner alone."""

from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi.testclient import TestClient

from gateway.accounts import api_keys
from gateway.callers import Scope
from gateway.db import session_scope
from gateway.settings import get_settings
from tests.rows import transfer
from tests.staging_rows import work
from tests.uploads import CONTENT, NEW, upload
from tests.workflows import SMOOTH, body, show, states, step_id


def test_an_uploaded_file_is_staged_under_its_name(
    files_api: TestClient, outside: httpx.Client, tmp_path: Path
) -> None:
    file = upload(files_api, outside)["id"]
    mine = files_api.post("/workflow", json=body(SMOOTH, input={"file": file}, output=None)).json()["id"]
    work(step_id(mine, "input", is_job=False))
    assert states(show(files_api, mine)) == {"input": "completed", "smooth": "accepted"}
    staged = transfer(step_id(mine, "input", is_job=False)).path
    assert staged.endswith(f"/Init_Data/workflows/{mine}/{NEW['name']}")
    assert (tmp_path / "home" / staged).read_bytes() == CONTENT


def test_an_unknown_file_is_refused_by_its_field(files_api: TestClient) -> None:
    answer = files_api.post("/workflow", json=body(SMOOTH, input={"file": str(uuid4())}))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("input.file: there is no file")


def test_another_owners_file_is_unknown(files_api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    file = files_api.post("/files", json=NEW).json()["id"]
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    with session_scope() as session:
        _, token = api_keys.create_key(session, "ada", Scope.ADMIN, None)
    headers = {"Authorization": f"Bearer {token}"}
    answer = files_api.post("/workflow", json=body(SMOOTH, input={"file": file}), headers=headers)
    assert answer.status_code == 400
    assert "there is no file" in answer.json()["message"]


def test_no_workflow_reads_or_writes_the_gateways_bucket_by_its_name(files_api: TestClient) -> None:
    settings = get_settings()
    place = {"endpoint": settings.store_endpoint, "bucket": settings.store_bucket, "object": "x"}
    keys = {"access_key": "a", "secret_key": "b"}
    for named in ({"input": {"s3": place | keys}}, {"output": {"s3": place | keys}}):
        assert files_api.post("/workflow", json=body(SMOOTH, **named)).status_code == 400
