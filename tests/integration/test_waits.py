"""`?wait=`: a status is held until its row changes, its time is over or its client hangs up; the limit."""

import asyncio
import socket
import threading
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.changes import Changes, Waiter
from api.schemas.jobs import JobStatus
from gateway.db import get_engine, session_scope
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.transfers import lifecycle as transfers
from tests.ended_rows import ended_job
from tests.identity import bearer, new_key
from tests.polling import until
from tests.rows import new_job, new_transfer
from tests.waiters import LONG, Ask, cancel_job, waiting

MANY = 300


def test_a_change_of_a_job_answers_its_waiter(ask: Ask) -> None:
    row_id, other = new_job("fft"), new_job("fft")
    answer, unmoved = ask(f"/job/{row_id}", params=LONG), ask(f"/job/{other}", params=LONG)
    waiting(2)
    cancel_job(row_id)
    assert answer.result().json()["state"] == "cancelled"
    assert not unmoved.done()
    cancel_job(other)
    assert unmoved.result().json()["state"] == "cancelled"


@pytest.mark.parametrize("kind", ["data", "s3_data", "s3_result"])
def test_a_change_of_a_transfer_answers_its_waiter(ask: Ask, kind: str) -> None:
    row_id = new_transfer(kind)
    answer = ask(f"/{kind}/{row_id}", params=LONG)
    waiting()
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, row_id))
    assert answer.result().json()["status"] == "failure"


def test_progress_answers_a_waiter_although_it_makes_no_event(ask: Ask) -> None:
    row_id = new_transfer()
    answer = ask(f"/s3_data/{row_id}", params=LONG)
    waiting()
    with session_scope() as session:
        session.execute(update(Transfer).where(Transfer.id == row_id).values(bytes_done=7))
    assert answer.result().json()["bytes_done"] == 7


def test_a_field_without_a_tag_ends_no_wait_and_keeps_the_tag(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobStatus, "untagged", frozenset({"reason"}))
    row_id = new_job("fft")
    tag = ask(f"/job/{row_id}").result().headers["ETag"]
    held = ask(f"/job/{row_id}", params={"wait": 2.5}, headers={"If-None-Match": tag})
    waiting()
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(reason="another"))
    assert (held.result().status_code, held.result().headers["ETag"]) == (304, tag)
    assert ask(f"/job/{row_id}").result().json()["reason"] == "another"
    assert tag.startswith("W/")


def test_an_unchanged_row_is_answered_when_the_time_is_over(ask: Ask) -> None:
    row_id = new_job("fft")
    plain = ask(f"/job/{row_id}").result()
    waited = ask(f"/job/{row_id}", params={"wait": 0.3}).result()
    assert (waited.status_code, waited.content) == (200, plain.content)
    same = ask(f"/job/{row_id}", params={"wait": 0.3}, headers={"If-None-Match": plain.headers["ETag"]})
    assert same.result().status_code == 304


def test_a_change_since_the_tag_answers_at_once_and_the_tag_of_now_waits(ask: Ask) -> None:
    row_id = new_job("fft")
    old = {"If-None-Match": '"another"'}
    current = ask(f"/job/{row_id}", params=LONG, headers=old).result()
    assert current.json()["state"] == "accepted"
    held = ask(f"/job/{row_id}", params=LONG, headers={"If-None-Match": current.headers["ETag"]})
    waiting()
    cancel_job(row_id)
    assert (held.result().status_code, held.result().json()["state"]) == (200, "cancelled")


def test_a_row_that_has_ended_is_answered_at_once(ask: Ask) -> None:
    row_id = ended_job(JobState.FAILED)
    assert ask(f"/job/{row_id}", params=LONG).result().json()["status"] == "completed"


def test_a_row_that_is_not_there_is_404_at_once(ask: Ask) -> None:
    for row_id in (uuid4(), "x", new_transfer()):
        assert ask(f"/job/{row_id}", params=LONG).result().status_code == 404


def test_a_row_that_is_pruned_while_it_is_waited_for_is_404(ask: Ask) -> None:
    row_id = new_job("fft")
    answer = ask(f"/job/{row_id}", params=LONG)
    waiting()
    with session_scope() as session:
        session.delete(session.get_one(Job, row_id))
    assert answer.result().status_code == 404


@pytest.mark.parametrize(
    "wait", ["-1", "50.1", "51", "nan", "inf", "-inf", "", "x", "1e9", "0x5", "1,5", "٣٠٠"]
)
def test_a_wait_out_of_range_is_400_and_named(api: TestClient, wait: str) -> None:
    for path in (f"/job/{new_job('fft')}", f"/s3_data/{new_transfer()}", f"/s3_result/{uuid4()}"):
        answer = api.get(path, params={"wait": wait})
        assert answer.status_code == 400, path
        assert "wait" in answer.json()["detail"]


def test_no_wait_is_an_answer_at_once(api: TestClient) -> None:
    row_id = new_job("fft")
    for wait in ("0", "0.0", "-0"):
        assert api.get(f"/job/{row_id}", params={"wait": wait}).status_code == 200


def test_beyond_the_limit_a_request_is_answered_at_once(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WAITERS", "2")
    get_settings.cache_clear()
    row_id = new_job("fft")
    held = [ask(f"/job/{row_id}", params=LONG) for _ in range(2)]
    waiting(2)
    more = [ask(f"/job/{row_id}", params=LONG).result() for _ in range(3)]
    assert {(each.status_code, each.json()["state"]) for each in more} == {(200, "accepted")}
    assert not any(each.done() for each in held)
    cancel_job(row_id)
    assert {each.result().json()["state"] for each in held} == {"cancelled"}


def test_owners_share_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait that ends is the longest of the owner with the most, if the caller has fewer."""
    monkeypatch.setenv("GATEWAY_WAITERS", "4")
    get_settings.cache_clear()
    asyncio.run(_share_places(monkeypatch))


async def _share_places(monkeypatch: pytest.MonkeyPatch) -> None:
    changes, places = Changes(), ExitStack()
    monkeypatch.setattr(changes, "_follow", lambda: asyncio.sleep(0))

    def wait(owner: str) -> Waiter | None:
        return places.enter_context(changes.waiter(lambda _: {}, uuid4(), owner))

    with places:
        held = [wait("ada") for _ in range(4)]
        assert wait("ada") is None
        others = [wait("bob"), wait("bob")]
        assert all(others)
        assert [each is not None and each.is_over for each in held] == [True, True, False, False]
        assert (wait("bob"), changes.number) == (None, 4), "both have the same number"
        assert wait("eve")
    assert changes.number == 0


def test_without_places_every_request_is_answered_at_once(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WAITERS", "0")
    get_settings.cache_clear()
    assert ask(f"/job/{new_job('fft')}", params=LONG).result().status_code == 200


def test_a_client_that_hangs_up_frees_its_place(
    served_api: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_WAITERS", "1")
    get_settings.cache_clear()
    row_id, port = new_job("fft"), int(served_api.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET /job/{row_id}?wait=50 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        waiting()
    waiting(0)
    held = ask(f"/job/{row_id}", params=LONG)
    waiting()
    cancel_job(row_id)
    assert held.result().json()["state"] == "cancelled"


def test_hundreds_wait_without_threads_and_connections_and_all_see_the_change(
    served_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_CONNECTIONS", "2")
    row_ids = [new_job("fft") for _ in range(3)]
    before = threading.active_count()

    async def hold() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=served_api, timeout=60, limits=limits) as client:
            asked = [
                asyncio.create_task(client.get(f"/job/{row_ids[n % 3]}", params=LONG)) for n in range(MANY)
            ]
            await asyncio.to_thread(waiting, MANY)
            assert threading.active_count() <= before + 16
            assert (await client.get(f"/job/{row_ids[0]}")).status_code == 200
            for row_id in row_ids:
                await asyncio.to_thread(cancel_job, row_id)
            return await asyncio.gather(*asked)

    answers = asyncio.run(hold())
    assert {(each.status_code, each.json()["state"]) for each in answers} == {(200, "cancelled")}


def test_a_waiter_holds_no_connection_of_the_pool(ask: Ask) -> None:
    row_id = new_job("fft")
    held = ask(f"/job/{row_id}", params=LONG)
    waiting()
    until("no connection is in use", lambda: get_engine().pool.checkedout() == 0, period_s=0.001)  # type: ignore[attr-defined]
    cancel_job(row_id)
    assert held.result().status_code == 200


def test_the_rows_of_another_owner_are_not_waited_for(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    row_id = new_job(owner="ada")
    eve = ask(f"/job/{row_id}", params=LONG, headers=bearer(new_key("eve")))
    assert eve.result().status_code == 404
    ada = ask(f"/job/{row_id}", params=LONG, headers=bearer(new_key("ada")))
    waiting()
    cancel_job(row_id)
    assert ada.result().json()["state"] == "cancelled"
