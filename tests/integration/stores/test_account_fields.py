"""The fields of temporary keys, requester pays and SSE-C: taken everywhere, sealed, never shown."""

import base64
import logging
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from gateway.credentials.sealing import unseal
from gateway.db import session_scope
from gateway.models import StoredCredential, Transfer
from gateway.states import TransferState
from gateway.storage.address import Credentials, Secret
from gateway.work.transitions import move
from tests.bodies import DATA, RESULT
from tests.rows import transfer

TOKEN = "FwoGZXIvYXdzE+geheim/token=="
CUSTOMER_KEY = base64.b64encode(b"geheim" * 5 + b"12").decode()
KEYLESS = {name: value for name, value in DATA.items() if name not in {"access_key", "secret_key"}}
STORED = {"name": "n", "endpoint": DATA["endpoint"], "access_key": "a", "secret_key": "b"}
PRESIGNED = f"{DATA['endpoint']}/{DATA['bucket']}/{DATA['object']}?X-Amz-Signature=x"


def _secret(row_id: str) -> Secret:
    return unseal(transfer(UUID(row_id)).credentials or "")


def _fail(row_id: str) -> None:
    with session_scope() as session:
        row = session.get_one(Transfer, UUID(row_id))
        move(session, row, TransferState.TRANSFERRING)
        move(session, row, TransferState.FAILED, "no")


@pytest.mark.parametrize(("url", "body"), [("/s3_data", DATA), ("/s3_result", RESULT)])
def test_the_fields_are_sealed_and_never_shown(
    api: TestClient, url: str, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    more = {"session_token": TOKEN, "sse_customer_key": CUSTOMER_KEY, "requester_pays": True}
    answer = api.post(url, json={**body, **more})
    assert answer.status_code == 201, answer.text
    row_id = answer.json()["id"]
    keys = Credentials(body["access_key"], body["secret_key"], TOKEN, CUSTOMER_KEY)
    assert _secret(row_id) == keys
    assert answer.json()["requester_pays"] is True
    shown = (
        answer.text + api.get(f"{url}/{row_id}").text + api.get(f"{url}/{row_id}/events").text + caplog.text
    )
    assert TOKEN not in shown
    assert CUSTOMER_KEY not in shown


def test_a_token_over_plain_http_is_a_warning(api: TestClient) -> None:
    plain = {**DATA, "endpoint": "http://s3.example.org"}
    assert api.post("/s3_data", json={**plain, "session_token": TOKEN}).json()["warnings"] == [
        "the session token is sent without TLS and can be read on the way to the store: use https"
    ]
    assert api.post("/s3_data", json=plain).json()["warnings"] == []
    assert api.post("/s3_data", json={**DATA, "session_token": TOKEN}).json()["warnings"] == []


def test_stored_credentials_have_a_token_too(api: TestClient) -> None:
    stored = api.post("/credentials", json={**STORED, "session_token": TOKEN})
    assert stored.status_code == 201
    assert TOKEN not in stored.text
    with session_scope() as session:
        row = session.get_one(StoredCredential, UUID(stored.json()["id"]))
    assert unseal(row.secret) == Credentials("a", "b", TOKEN)
    body = {**KEYLESS, "credential_id": stored.json()["id"], "sse_customer_key": CUSTOMER_KEY}
    row_id = api.post("/s3_data", json=body).json()["id"]
    assert _secret(row_id) == Credentials("a", "b", TOKEN, CUSTOMER_KEY)


def test_a_retry_takes_a_fresh_token_and_keeps_the_customers_key(api: TestClient) -> None:
    row_id = api.post("/s3_data", json={**DATA, "sse_customer_key": CUSTOMER_KEY}).json()["id"]
    _fail(row_id)
    fresh = {"access_key": "c", "secret_key": "d", "session_token": TOKEN}
    answer = api.post(f"/s3_data/{row_id}/retry", json=fresh)
    assert answer.status_code == 200, answer.text
    assert _secret(row_id) == Credentials("c", "d", TOKEN, CUSTOMER_KEY)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**DATA, "session_token": f" {TOKEN}"}, "session_token"),
        ({**DATA, "session_token": f"{TOKEN}\n"}, "session_token"),
        ({**DATA, "session_token": "geheimß"}, "session_token"),
        ({**DATA, "session_token": "x" * 9000}, "session_token"),
        ({**KEYLESS, "session_token": TOKEN}, "session_token"),
        ({**KEYLESS, "session_token": TOKEN, "presigned_url": PRESIGNED}, "session_token"),
        ({**KEYLESS, "sse_customer_key": CUSTOMER_KEY, "presigned_url": PRESIGNED}, "sse_customer_key"),
        ({**KEYLESS, "requester_pays": True, "presigned_url": PRESIGNED}, "requester_pays"),
        ({**DATA, "sse_customer_key": "geheim"}, "sse_customer_key"),
        ({**DATA, "sse_customer_key": base64.b64encode(b"geheim").decode()}, "sse_customer_key"),
        ({**DATA, "endpoint": "http://s3.example.org", "sse_customer_key": CUSTOMER_KEY}, "sse_customer_key"),
    ],
)
def test_a_field_that_cannot_be_used_is_400_and_named(
    api: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = api.post("/s3_data", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["loc"][-1]) == (400, field)
    assert not {TOKEN, CUSTOMER_KEY, "geheim"} & {*answer.text.replace('"', " ").split()}
    assert api.get("/s3_data").json()["items"] == []
