"""Stored credentials: named in requests, never shown, and bound to their owner and endpoint."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from gateway.callers import LOCAL, Caller, Scope
from gateway.credentials import stored as stored_credentials
from gateway.credentials.sealing import unseal
from gateway.db import session_scope
from gateway.errors import Invalid, NotFound
from gateway.storage.address import Credentials, StoredKeys
from tests.bodies import DATA, RESULT
from tests.rows import KEYS, SECRET, transfer

NEW = {
    "name": "recordings",
    "endpoint": "https://s3.example.org",
    "access_key": "the-access-key",
    "secret_key": SECRET,
}
ADA, BOB = Caller("ada", Scope.USER), Caller("bob", Scope.USER)


def _store_credential(api: TestClient) -> str:
    answer = api.post("/credentials", json=NEW)
    assert answer.status_code == 201
    return str(answer.json()["id"])


def _with_credential(body: dict[str, Any], credential_id: str) -> dict[str, Any]:
    rest = {name: value for name, value in body.items() if name not in {"access_key", "secret_key"}}
    return rest | {"credential_id": credential_id}


def test_what_was_stored_is_listed_without_its_keys_and_forgotten_when_told(api: TestClient) -> None:
    credential_id = _store_credential(api)
    shown = api.get(f"/credentials/{credential_id}")
    assert shown.json().keys() == {"id", "name", "endpoint", "created_at"}
    listed = api.get("/credentials")
    assert listed.json() == [shown.json()]
    assert not any(word in listed.text for word in (SECRET, "the-access-key", "secret"))
    assert api.delete(f"/credentials/{credential_id}").status_code == 204
    assert api.get(f"/credentials/{credential_id}").status_code == 404
    assert api.delete(f"/credentials/{credential_id}").status_code == 404


@pytest.mark.parametrize(("url", "body"), [("/s3_data", DATA), ("/s3_result", RESULT)])
def test_a_request_names_them_and_the_row_has_keys_of_its_own(
    api: TestClient, url: str, body: dict[str, Any]
) -> None:
    credential_id = _store_credential(api)
    answer = api.post(url, json=_with_credential(body, credential_id))
    assert answer.status_code == 201
    assert SECRET not in answer.text
    api.delete(f"/credentials/{credential_id}")
    row = transfer(UUID(answer.json()["id"]))
    assert unseal(row.credentials or "") == Credentials("the-access-key", SECRET)


@pytest.mark.parametrize(
    "change",
    [
        {"credential_id": str(uuid4())},
        {"credential_id": "no id"},
        {"endpoint": "https://elsewhere.example.org"},
        {"endpoint": "http://s3.example.org"},
        {"endpoint": "https://s3.example.org:8443"},
        {"access_key": "x", "secret_key": "y"},
    ],
)
def test_keys_go_nowhere_else(api: TestClient, change: dict[str, str]) -> None:
    answer = api.post("/s3_data", json=_with_credential(DATA, _store_credential(api)) | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["loc"][-1] == "credential_id"
    assert api.get("/s3_data").json()["items"] == []


def test_a_retry_takes_them_too(api: TestClient) -> None:
    row_id = api.post("/s3_data", json=DATA).json()["id"]
    api.post(f"/s3_data/{row_id}/cancel")
    assert api.post(f"/s3_data/{row_id}/retry").status_code == 409
    retried = api.post(f"/s3_data/{row_id}/retry", json={"credential_id": _store_credential(api)})
    assert retried.status_code == 200
    assert transfer(UUID(row_id)).credentials is not None


BAD: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "a\0b"},
    {"endpoint": "http://127.0.0.1:9000"},
    {"endpoint": "ftp://s3.example.org"},
    {"access_key": ""},
    {"secret_key": "x" * 2049},
    {"secret_key": None},
]


@pytest.mark.parametrize("change", BAD)
def test_bad_ones_are_400_naming_the_field(api: TestClient, change: dict[str, Any]) -> None:
    answer = api.post("/credentials", json=NEW | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["loc"][-1] == next(iter(change))
    assert SECRET not in answer.text
    assert api.get("/credentials").json() == []


@pytest.mark.usefixtures("database")
def test_another_owners_do_not_exist() -> None:
    with session_scope() as session:
        row = stored_credentials.store_credential(session, "ada", "mine", NEW["endpoint"], KEYS)
    with session_scope() as session:
        assert stored_credentials.list_credentials(session, BOB) == []
        assert [each.id for each in stored_credentials.list_credentials(session, ADA)] == [row.id]
        assert [each.id for each in stored_credentials.list_credentials(session, LOCAL)] == [row.id]
        for theft in (stored_credentials.get_credential, stored_credentials.delete_credential):
            with pytest.raises(NotFound):
                theft(session, BOB, row.id)
        for owner in ("bob", "local"):  # an operator sees that they exist, and still cannot use them
            with pytest.raises(Invalid):
                stored_credentials.resolve_secret(session, owner, StoredKeys(row.id), NEW["endpoint"])
