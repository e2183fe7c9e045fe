"""Forged callers and foreign ids: each is refused with the right code and leaves no row."""

import hashlib
import hmac
import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from gateway.accounts import api_keys
from gateway.callers import Scope
from gateway.clusters.configuration import configured_clusters
from gateway.db import session_scope
from gateway.models import ApiKey, Transfer
from gateway.settings import get_settings
from gateway.states import JobState
from tests.bodies import DATA, JOB, RESULT
from tests.ended_rows import ended_job, failed_transfer
from tests.identity import POSTS, bearer, new_key, refused, rows
from tests.rows import SECRET, new_job, new_transfer

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class TestForeignRows:
    """Another owner's row does not exist, whatever is asked of it."""

    @pytest.mark.parametrize("kind", ["data", "s3_data", "s3_result", "job"])
    def test_its_id_is_as_unknown_as_any(self, with_keys: TestClient, kind: str) -> None:
        row_id = new_job(owner="ada") if kind == "job" else new_transfer(kind, owner="ada")
        eve, before = bearer(new_key("eve")), rows()
        calls = [("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")]
        streamed = eve | {"Accept": "text/event-stream"}
        for method, action in [*calls, *([("GET", "/log")] if kind == "job" else []), ("STREAM", "/events")]:
            told = [
                with_keys.get(f"/{kind}/{each}{action}", headers=streamed)
                if method == "STREAM"
                else with_keys.request(method, f"/{kind}/{each}{action}", headers=eve)
                for each in (row_id, uuid4())
            ]
            assert [answer.status_code for answer in told] == [404, 404], action
            shapes = {_without_ids(answer.text) for answer in told}
            assert len(shapes) == 1, "an answer must not tell that the row exists"
        assert rows() == before

    def test_what_ended_cannot_be_taken_up_by_another(self, with_keys: TestClient) -> None:
        transfer_id, job_id = failed_transfer(), ended_job(JobState.FAILED)
        eve = bearer(new_key("eve"))
        secrets = {"access_key": "a", "secret_key": "s"}
        assert with_keys.post(f"/s3_data/{transfer_id}/retry", json=secrets, headers=eve).status_code == 404
        assert with_keys.post(f"/job/{job_id}/retry", headers=eve).status_code == 404

    def test_the_children_of_a_foreign_prefix_are_not_listed(self, with_keys: TestClient) -> None:
        parent, child = new_transfer(owner="ada"), new_transfer(owner="ada")
        with session_scope() as session:
            session.get_one(Transfer, child).parent_id = parent
        found = {
            owner: with_keys.get("/s3_data", params={"parent": str(parent)}, headers=bearer(new_key(owner)))
            for owner in ("ada", "eve")
        }
        assert [item["id"] for item in found["ada"].json()["items"]] == [str(child)]
        assert (found["eve"].json()["items"], found["eve"].json()["counts"]) == ([], {})

    def test_a_foreign_cursor_shows_ones_own_rows_alone(self, with_keys: TestClient) -> None:
        for owner in ("ada", "eve", "ada", "eve", "ada"):
            new_transfer(owner=owner)
        page = with_keys.get("/s3_data", params={"limit": 2}, headers=bearer(new_key("ada"))).json()
        items = with_keys.get(
            "/s3_data", params={"cursor": page["next"]}, headers=bearer(new_key("eve"))
        ).json()["items"]
        assert {item["owner"] for item in items} == {"eve"}

    def test_owners_cannot_be_chosen_in_a_body_or_a_query(self, with_keys: TestClient) -> None:
        eve = bearer(new_key("eve"))
        made = with_keys.post("/s3_data", json={**DATA, "owner": "ada"}, headers=eve).json()
        assert made["owner"] == "eve"
        assert with_keys.get("/s3_data", params={"owner": "ada"}, headers=eve).status_code == 400


@pytest.fixture
def shared(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the cluster a root that all owners share."""
    path = get_settings().infrastructures
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("max_cpus = 4", 'max_cpus = 4\nroots = ["/shared"]'), encoding="utf-8")


def _in_shared(job_id: UUID) -> str:
    return f"/shared/Output_Data/jobs/{job_id}.1/CSVFormate/FFT_Filter_output.csv"


@on_sqlite
@pytest.mark.usefixtures("shared")
def test_the_folder_of_a_foreign_job_is_unknown_though_the_root_is_shared(with_keys: TestClient) -> None:
    path = _in_shared(new_job(owner="ada", root_dir="/shared", workspace="/", profiling_workspace="/p"))
    params = {"root_dir": "/shared", "workspace": "/", "profiling_workspace": "/p"}
    reading = {**JOB, "params": {**params, "read_input_data": path.removeprefix("/shared")}}
    web = {"src": "https://example.org/x", "dst": path, "infrastructure": "hpc"}
    reads: list[tuple[str, Any]] = [("/s3_result", {**RESULT, "src": path}), ("/job", reading)]
    writes: list[tuple[str, Any]] = [("/s3_data", {**DATA, "dst": path}), ("/data", web)]
    before = rows()
    for owner in ("ada", "eve"):
        for url, body in writes:
            answer = with_keys.post(url, json=body, headers=bearer(new_key(owner)))
            assert (answer.status_code, "the gateway alone writes" in answer.text) == (400, True), url
    for url, body in reads:
        assert with_keys.post(url, json=body, headers=bearer(new_key("eve"))).status_code == 404, url
    assert rows() == before
    for url, body in reads:
        assert with_keys.post(url, json=body, headers=bearer(new_key("ada"))).status_code == 201, url


@on_sqlite
def test_another_owners_folder_is_outside_ones_roots(with_keys: TestClient) -> None:
    home, eve, before = configured_clusters()["hpc"].home, bearer(new_key("eve")), rows()
    for path in (
        "../ada/x",
        f"{home}/owners/ada/x",
        f"{home}/x",
        "${HOME}/../ada/x",
        f"{home}/owners/eve/../ada/x",
    ):
        for url, body in (("/s3_data", {**DATA, "dst": path}), ("/s3_result", {**RESULT, "src": path})):
            answer = with_keys.post(url, json=body, headers=eve)
            assert (answer.status_code, "/owners/eve)" in answer.json()["detail"]) == (400, True), path
    assert rows() == before


def _without_ids(text: str) -> str:
    problem = json.loads(text)
    words = str(problem["detail"]).split()
    return json.dumps({**problem, "detail": [w for w in words if not _is_id(w)], "message": ""})


def _is_id(word: str) -> bool:
    try:
        return bool(UUID(word))
    except ValueError:
        return False


class TestKeys:
    """Keys that are not, or are no longer, good."""

    def test_a_key_that_was_never_made(self, with_keys: TestClient) -> None:
        new_key("ada")
        assert refused(with_keys, bearer(f"hgk_{'0' * 16}_{'A' * 43}")) == "this API key is not known here"

    def test_a_right_id_with_a_wrong_secret(self, with_keys: TestClient) -> None:
        good = new_key("ada")
        wrong = [
            good[:21] + end for end in ("", "b" * 43, good[21:-1], good[21:] + "A", "'--", "%00", "/../x")
        ]
        for text in (*wrong, good.upper(), good[:20] + "-" + good[21:]):
            refused(with_keys, bearer(text))

    def test_the_secret_of_another_key(self, with_keys: TestClient) -> None:
        ada, admin = new_key("ada"), new_key("root", Scope.ADMIN)
        refused(with_keys, bearer(admin[:21] + ada[21:]))

    def test_secrets_are_compared_in_constant_time(
        self, with_keys: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compared, compare = list[tuple[str, str]](), hmac.compare_digest

        def noted(first: str, second: str) -> bool:
            compared.append((first, second))
            return compare(first, second)

        monkeypatch.setattr("hmac.compare_digest", noted)
        good = new_key("ada")
        refused(with_keys, bearer(good[:-1] + ("A" if good[-1] != "A" else "B")))
        assert len(compared) == len(POSTS)
        assert {len(text) for pair in compared for text in pair} == {64}

    def test_a_revoked_key_is_refused_from_the_next_request_on(self, with_keys: TestClient) -> None:
        token = new_key("ada")
        assert with_keys.get("/job", headers=bearer(token)).status_code == 200
        with session_scope() as session:
            api_keys.revoke_key(session, token[4:20])
        assert "revoked" in refused(with_keys, bearer(token))

    def test_an_expired_key(self, with_keys: TestClient) -> None:
        assert "expired" in refused(with_keys, bearer(new_key("ada", lifetime=timedelta(seconds=-1))))

    def test_the_database_does_not_know_the_key(self, with_keys: TestClient) -> None:
        token = new_key("ada")
        with session_scope(read_only=True) as session:
            (row,) = session.scalars(select(ApiKey))
        kept = [str(getattr(row, column.name)) for column in ApiKey.__table__.columns]
        assert not any(token[21:] in value for value in kept)
        assert row.digest == hashlib.sha256(token.encode()).hexdigest()
        refused(with_keys, bearer(row.digest))
        refused(with_keys, bearer(f"hgk_{row.id}_{row.digest[:43]}"))

    def test_no_key_and_no_secret_is_logged(self, with_keys: TestClient, log: io.StringIO) -> None:
        good, bad = new_key("ada"), f"hgk_{'0' * 16}_{'S' * 43}"
        refused(with_keys, bearer(bad))
        with_keys.post("/s3_data", json=DATA, headers=bearer(good))
        with_keys.get("/overview", headers=bearer(good))
        assert not [word for word in (good[21:], bad[21:], SECRET) if word in log.getvalue()]


JUNK: list[Any] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer " + "a" * 60_000},
    {"Authorization": "Basic YWRhOmFkYQ=="},
    {"Authorization": b"Bearer \xc3\xbcn\xc3\xaf\xff\x00"},
    {"Authorization": "Bearer null"},
    {"Authorization": "Bearer undefined"},
    {"Authorization": "Bearer hgk_ _"},
    {"X-Forwarded-User": "ada", "X-Remote-User": "ada", "Cookie": "owner=ada"},
    [("Authorization", "Bearer GOOD"), ("Authorization", "Bearer GOOD")],
    [("Authorization", "Bearer x"), ("Authorization", "Bearer GOOD")],
]


@on_sqlite
def test_junk_in_the_header_is_nobody(with_keys: TestClient) -> None:
    good = new_key("ada")
    for headers in JUNK:
        if isinstance(headers, list):
            refused(with_keys, [(name, value.replace("GOOD", good)) for name, value in headers])
        else:
            refused(with_keys, headers)


@on_sqlite
def test_a_key_in_the_url_is_not_looked_at(with_keys: TestClient) -> None:
    for name in ("token", "access_token", "key", "Authorization"):
        answer = with_keys.post("/job", json=JOB, params={name: new_key("ada")})
        assert answer.status_code == 401


@on_sqlite
def test_nobody_hears_about_a_body_before_saying_who_calls(with_keys: TestClient) -> None:
    assert with_keys.post("/job", json={"infrastructure": "nowhere"}).status_code == 401
    assert with_keys.get("/job", params={"cursor": "nonsense"}).status_code == 401
    assert with_keys.get("/job/no-id").status_code == 401
