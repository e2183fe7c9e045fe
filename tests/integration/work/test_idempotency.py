"""`Idempotency-Key`: a POST that is repeated is carried out once, whatever happens in between."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from api import key_leases
from gateway.db import db_now, session_scope
from gateway.encryption import keys, new_key
from gateway.models import IdempotencyKey, Transfer
from gateway.operations.sweep import sweep
from gateway.settings import get_settings
from gateway.transfers import lifecycle as transfers
from gateway.work import idempotency
from gateway.work.idempotency import KeyedRequest, KeyInUse, StoredAnswer, Ticket
from tests.bodies import DATA, JOB, RESULT
from tests.rows import KEYS, S3, SECRET, create, new_transfer

CLUSTER = {"name": "far", "host": "h", "username": "u", "hostname": "h", "scheduler": "slurm"}
CREDENTIAL = {
    "name": "n",
    "endpoint": "https://s3.example.org",
    "access_key": "the-access-key",
    "secret_key": SECRET,
}
WEB = {"src": "https://example.org/a.csv", "dst": "serrano/data/a.csv", "infrastructure": "hpc"}
POSTS: list[tuple[str, dict[str, Any]]] = [
    ("/data", WEB),
    ("/s3_data", DATA),
    ("/s3_result", RESULT),
    ("/job", JOB),
    ("/infrastructure", CLUSTER),
    ("/credentials", CREDENTIAL),
    ("/retry", {"dry_run": False}),
]


def _key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def _count() -> int:
    with session_scope(read_only=True) as session:
        return session.scalar(select(func.count()).select_from(Transfer)) or 0


@pytest.mark.parametrize(("url", "body"), POSTS)
def test_a_repeated_post_gets_the_first_answer_again(api: TestClient, url: str, body: dict[str, Any]) -> None:
    key = _key()
    first = api.post(url, json=body, headers=key)
    again = api.post(url, json=body, headers=key)
    assert first.is_success
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = api.post(url, json=body, headers=_key())
    assert other.status_code == first.status_code
    assert "Idempotency-Replayed" not in other.headers


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_a_repeated_cancel_or_retry_is_no_conflict(api: TestClient, verb: str) -> None:
    row_id = api.post("/job", json=JOB).json()["id"]
    if verb == "retry":
        api.post(f"/job/{row_id}/cancel")
    key = _key()
    first = api.post(f"/job/{row_id}/{verb}", headers=key)
    again = api.post(f"/job/{row_id}/{verb}", headers=key)
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert api.post(f"/job/{row_id}/{verb}").status_code == 409


def test_the_key_of_another_request_is_422(api: TestClient) -> None:
    key = _key()
    assert api.post("/s3_data", json=DATA, headers=key).status_code == 201
    for url, body in (("/s3_data", {**DATA, "bucket": "c"}), ("/s3_result", RESULT), ("/job", JOB)):
        answer = api.post(url, json=body, headers=key)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert SECRET not in answer.text
    assert _count() == 1


def test_a_refused_request_frees_its_key(api: TestClient) -> None:
    key = _key()
    for body in ({**DATA, "dst": "/etc/passwd"}, {**DATA, "bucket": 7}, {**DATA, "infrastructure": "no"}):
        assert api.post("/s3_data", json=body, headers=key).status_code in {400, 404}
    assert api.post("/s3_data", json=DATA, headers=key).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "schl\xfcssel"])
def test_a_key_that_is_none_is_400(api: TestClient, key: str) -> None:
    answer = api.post("/s3_data", json=DATA, headers={"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]
    assert _count() == 0


@pytest.mark.parametrize("path", ["/s3_data", "/s3_data/0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11/cancel"])
def test_two_keys_are_400(api: TestClient, path: str) -> None:
    keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = api.post(path, json=DATA if path == "/s3_data" else {}, headers=keys)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["loc"] == ["body", "Idempotency-Key"]


def test_no_secret_of_a_request_is_kept_with_its_key(api: TestClient) -> None:
    api.post("/credentials", json=CREDENTIAL, headers=_key())
    with session_scope(read_only=True) as session:
        row = session.scalars(select(IdempotencyKey)).one()
    assert SECRET not in f"{row.body}{row.fingerprint}"
    assert len(row.fingerprint) == 64


def test_a_new_encryption_key_changes_nothing(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    key = _key()
    first = api.post("/s3_data", json=DATA, headers=key)
    monkeypatch.setenv("GATEWAY_CREDENTIALS_KEY", f"{new_key()} {keys()[0]}")
    get_settings.cache_clear()
    keys.cache_clear()
    assert api.post("/s3_data", json=DATA, headers=key).json() == first.json()


def test_twenty_at_once_make_one_row(api: TestClient) -> None:
    key, codes, ids = _key(), list[int](), set[str]()

    def post() -> None:
        answer = api.post("/s3_data", json=DATA, headers=key)
        codes.append(answer.status_code)
        if answer.status_code == 201:
            ids.add(answer.json()["id"])
        else:
            assert answer.headers["Retry-After"] == "1"

    clients = [threading.Thread(target=post) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(codes) == 20
    assert set(codes) <= {201, 409}
    assert len(ids) == 1
    assert _count() == 1


def _take(owner: str = "ada", request: bytes = b"POST") -> Ticket:
    with session_scope() as session:
        taken = idempotency.acquire(session, KeyedRequest(owner, "k", request))
    assert isinstance(taken, Ticket)
    return taken


def _age(**columns: Any) -> None:
    with session_scope() as session:
        session.execute(update(IdempotencyKey).values(**columns))


@pytest.mark.usefixtures("database")
def test_a_request_that_died_gives_its_key_up_and_its_late_answer_comes_to_nothing() -> None:
    first = _take()
    with pytest.raises(KeyInUse):
        _take()
    _age(lease_until=db_now(-1))
    second = _take()
    with pytest.raises(KeyInUse):
        _carry_out(first)
    assert _count() == 0
    with session_scope() as session:
        idempotency.release(session, first)
        idempotency.store_answer(session, second, StoredAnswer(201, "{}"))
    with session_scope() as session:
        assert idempotency.acquire(session, KeyedRequest("ada", "k", b"POST")) == StoredAnswer(201, "{}")


@pytest.mark.usefixtures("database")
def test_a_request_that_runs_for_long_keeps_its_key() -> None:
    ticket = _take()
    with key_leases.renewed(ticket):
        _age(lease_until=db_now(-1))
        key_leases.renew_held()
        with pytest.raises(KeyInUse):
            _take()
    _age(lease_until=db_now(-1))
    key_leases.renew_held()
    assert _take().number == ticket.number + 1


def _carry_out(ticket: Ticket) -> None:
    request = transfers.S3Request(kind="s3_data", infrastructure="hpc", path="x.csv", opening=KEYS, **S3)
    with session_scope() as session:
        row_id = create(session, transfers.draft(session, "ada", request))
        idempotency.store_answer(session, ticket, StoredAnswer(201, str(row_id)))


@pytest.mark.usefixtures("database")
def test_owners_do_not_share_keys() -> None:
    _take("ada")
    _take("bob", b"other")


@pytest.mark.usefixtures("database")
def test_a_key_is_forgotten_after_its_day() -> None:
    with session_scope() as session:
        idempotency.store_answer(session, _take(), StoredAnswer(201, "{}"))
    _age(expires_at=db_now(-1))
    _take(request=b"another")
    _age(expires_at=db_now(-1))
    new_transfer()
    with session_scope() as session:
        sweep(session)
    with session_scope(read_only=True) as session:
        assert session.scalars(select(IdempotencyKey)).all() == []
