"""Limits of an owner and of a cluster: what is above them is 429 with Retry-After and leaves no row."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import redis
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from gateway.accounts.rate_limit import WINDOW_S
from gateway.clusters.configuration import clusters
from gateway.db import session_scope, utc_now
from gateway.errors import TooMany
from gateway.models import Job, Transfer
from gateway.settings import Settings, get_settings
from gateway.states import JobState, TransferState
from tests.bodies import DATA, JOB, RESULT
from tests.polling import until
from tests.rows import new_job, new_transfer, transfer
from workers.transfer_attempt import QUOTA_STEP_BYTES, AllowedProgress

Set = Callable[..., None]


@pytest.fixture
def limit(settings: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Set]:
    def put(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"GATEWAY_{name.upper()}", str(value))
        get_settings.cache_clear()

    yield put
    get_settings.cache_clear()


def _rows(model: type[Transfer | Job]) -> int:
    with session_scope(read_only=True) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def _refused(answer: Any, words: str) -> None:
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_without_limits_nothing_is_counted(api: TestClient) -> None:
    assert {api.post("/s3_data", json=DATA).status_code for _ in range(30)} == {201}


def test_more_requests_than_allowed_are_429_and_a_status_never_is(
    api: TestClient, limit: Set, broker: str
) -> None:
    with redis.Redis.from_url(broker) as counted:
        for key in counted.scan_iter("LIMITS*"):
            counted.delete(key)
    row_id = api.post("/s3_data", json=DATA).json()["id"]
    limit(requests_per_s=3 / WINDOW_S)
    assert [api.get("/infrastructure").status_code for _ in range(3)] == [200] * 3
    until("a request too many", lambda: api.get("/infrastructure").status_code == 429)
    _refused(
        until("a POST too many", lambda: _if_429(api.post("/s3_data", json={}))), "GATEWAY_REQUESTS_PER_S"
    )
    assert _rows(Transfer) == 1
    assert {api.get(f"/s3_data/{row_id}").status_code for _ in range(10)} == {200}
    assert api.get("/health/live").status_code == 200
    assert api.get("/metrics").status_code == 200


def _if_429(answer: Any) -> Any:
    return answer if answer.status_code == 429 else None


def test_without_redis_requests_are_served(api: TestClient, limit: Set) -> None:
    limit(requests_per_s=0.1, redis_url="redis://127.0.0.1:1/0")
    assert {api.get("/infrastructure").status_code for _ in range(5)} == {200}


@pytest.mark.parametrize(
    ("setting", "url", "body"),
    [("concurrent_transfers", "/s3_data", DATA), ("concurrent_jobs", "/job", JOB)],
)
def test_unfinished_work_is_limited_until_some_of_it_ends(
    api: TestClient, limit: Set, setting: str, url: str, body: dict[str, Any]
) -> None:
    limit(**{setting: 2})
    ids = [api.post(url, json=body).json()["id"] for _ in range(2)]
    _refused(api.post(url, json=body), "wait for one to end")
    assert _rows(Transfer) + _rows(Job) == 2
    assert api.post(f"{url}/{ids[0]}/cancel").status_code == 200
    assert api.post(url, json=body).status_code == 201
    _refused(api.post(f"{url}/{ids[0]}/retry", json={"access_key": "a", "secret_key": "b"}), "wait for one")


def test_both_directions_count_together_and_jobs_do_not(api: TestClient, limit: Set) -> None:
    limit(concurrent_transfers=1)
    assert api.post("/s3_data", json=DATA).status_code == 201
    _refused(api.post("/s3_result", json=RESULT), "transfers")
    assert api.post("/job", json=JOB).status_code == 201


@pytest.mark.usefixtures("database")
def test_owners_do_not_count_for_each_other(limit: Set) -> None:
    limit(concurrent_transfers=1, concurrent_jobs=1)
    for owner in ("ada", "bob"):
        new_transfer(owner=owner)
        new_job("fft", owner=owner)
        with pytest.raises(TooMany):
            new_transfer(owner=owner)
        with pytest.raises(TooMany):
            new_job("fft", owner=owner)


@pytest.mark.usefixtures("database")
def test_the_parts_of_a_prefix_count_as_one(limit: Set) -> None:
    limit(concurrent_transfers=2)
    whole, part = new_transfer(), new_transfer()
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id == part).values(parent_id=whole))
    new_transfer()


def test_twenty_at_once_do_not_get_past_the_limit(api: TestClient, limit: Set) -> None:
    limit(concurrent_transfers=5)
    codes: list[int] = []
    clients = [
        threading.Thread(target=lambda: codes.append(api.post("/s3_data", json=DATA).status_code))
        for _ in range(20)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert sorted(codes) == [201] * 5 + [429] * 15
    assert _rows(Transfer) == 5


def test_a_cluster_has_ceilings_of_its_own(api: TestClient, limit: Set) -> None:
    path = get_settings().infrastructures
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("max_cpus = 4", "max_cpus = 4\nmax_transfers = 1\nmax_jobs = 1"), "utf-8")
    clusters.cache_clear()
    for url, body in (("/s3_data", DATA), ("/job", JOB)):
        assert api.post(url, json=body).status_code == 201
        _refused(api.post(url, json=body), "'hpc' has 1 unfinished")
        assert api.post(url, json={**body, "infrastructure": "unserved"}).status_code == 201


def _moved(count: int, hours: float = 0.0) -> UUID:
    row_id = new_transfer()
    values = {"bytes_done": count, "updated_at": utc_now(), "state": TransferState.COMPLETED}
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id == row_id).values(**values))
        if hours:
            row = session.get_one(Transfer, row_id)
            row.updated_at = row.updated_at.fromtimestamp(time.time() - hours * 3600, row.updated_at.tzinfo)
    return row_id


def test_bytes_of_the_last_24_hours_are_limited(api: TestClient, limit: Set) -> None:
    _moved(900)
    _moved(5000, hours=25)
    limit(bytes_per_day=1000)
    assert api.post("/s3_data", json=DATA).status_code == 201
    _moved(100)
    before = _rows(Transfer)
    _refused(api.post("/s3_data", json=DATA), "GATEWAY_BYTES_PER_DAY")
    assert _rows(Transfer) == before
    assert api.post("/job", json=JOB).status_code == 201


class _Seen:
    total = done = -1

    def expect(self, total_bytes: int) -> None:
        self.total = total_bytes

    def advance(self, done_bytes: int) -> None:
        self.done = done_bytes


@pytest.mark.usefixtures("database")
def test_a_transfer_that_turns_out_too_large_for_the_day_is_stopped_before_its_bytes(limit: Set) -> None:
    _moved(900)
    limit(bytes_per_day=1000)
    seen = _Seen()
    allowance = AllowedProgress(transfer(new_transfer()), seen)
    with pytest.raises(TooMany, match="this needs 101 more"):
        allowance.expect(101)
    assert seen.total == -1
    allowance.expect(100)
    allowance.advance(7)
    assert (seen.total, seen.done) == (100, 7)
    assert not TooMany("", 1).transient  # the row fails with these words, and may be retried tomorrow


@pytest.mark.usefixtures("database")
def test_a_body_without_a_length_meets_the_limit_of_the_day_while_it_comes(limit: Set) -> None:
    _moved(900)
    limit(bytes_per_day=1000)
    seen = _Seen()
    allowance = AllowedProgress(transfer(new_transfer()), seen)
    allowance.advance(0)
    allowance.advance(100)
    with pytest.raises(TooMany, match=r"900 of 1000 bytes .* this needs 16777317 more"):
        allowance.advance(100 + QUOTA_STEP_BYTES + 1)
    assert seen.done == 100


@pytest.mark.usefixtures("database")
def test_the_bytes_of_earlier_tries_of_a_transfer_count_once(limit: Set) -> None:
    limit(bytes_per_day=1000)
    row_id = _moved(600)
    allowance = AllowedProgress(transfer(row_id), _Seen())
    allowance.expect(1000)
    with pytest.raises(TooMany, match="0 of 1000 bytes .* this needs 1001 more"):
        allowance.expect(1001)


@pytest.mark.usefixtures("database")
def test_ended_work_does_not_count(limit: Set) -> None:
    limit(concurrent_jobs=1)
    row_id = new_job("fft")
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(state=JobState.FAILED))
    new_job("fft")


@pytest.mark.parametrize("name", ["requests_per_s", "concurrent_jobs", "bytes_per_day", "request_bytes"])
@pytest.mark.parametrize("value", ["-1", "many"])
def test_a_limit_that_is_none_is_refused_at_the_start(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings(**{name: value})  # type: ignore[arg-type]  # as the environment would give it
