"""Transfers as rows: the remains of an attempt, and their removal after the end."""

import time
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from gateway.credentials.sealing import seal
from gateway.db import get_engine, session_scope
from gateway.models import Transfer
from gateway.operations import retries
from gateway.states import TransferState
from gateway.storage.address import Credentials
from gateway.transfers import lifecycle as transfers
from gateway.work import claims
from tests import services
from tests.fault_proxy import Fault
from tests.rows import create, transfer
from tests.staging import everything, open_upload_ids, open_uploads
from tests.staging_rows import Bench, overdue, work
from tests.web import Page, web
from workers.lease_keeper import LeaseKeeper
from workers.tasks.transfers import clean

MIB = 1 << 20
Row = dict[str, Any]


def test_a_transfer_that_ends_well_leaves_nothing_to_do(bench: Bench) -> None:
    key = uuid4().hex
    bench.s3.put_object(Bucket="data", Key=key, Body=b"here")
    row = work(bench.create("s3_data", "a/x", key))
    assert (row.state, row.bytes_done, row.leftovers) == (TransferState.COMPLETED, 4, False)
    assert (bench.home / "a/x").read_bytes() == b"here"
    assert overdue() == []


def test_an_upload_goes_on_in_the_next_try(bench: Bench) -> None:
    (bench.home / "x").write_bytes(bytes(20 * MIB))
    bench.break_store()
    row = work(bench.create("s3_result", "x", key := uuid4().hex))
    assert (row.state, bool(row.upload_id)) == (TransferState.RETRYING, True)
    bench.heal_store()
    row = work(row.id)
    assert (row.state, row.upload_id) == (TransferState.COMPLETED, "")
    assert bench.s3.head_object(Bucket="data", Key=key)["ContentLength"] == 20 * MIB
    assert open_uploads(bench.s3) == []


def test_an_upload_of_a_file_that_has_shrunk_since_is_thrown_away(bench: Bench) -> None:
    (bench.home / "x").write_bytes(bytes(20 * MIB))
    bench.break_store()
    row = work(bench.create("s3_result", "x", uuid4().hex))
    assert open_uploads(bench.s3) == [row.object]
    (bench.home / "x").write_bytes(b"small now")
    bench.heal_store()
    row = work(row.id)
    assert (row.state, row.upload_id) == (TransferState.COMPLETED, "")
    assert open_uploads(bench.s3) == []


@pytest.mark.parametrize("end", ["given up", "cancelled"])
def test_nothing_is_left_of_an_upload_that_ends_badly(bench: Bench, end: str) -> None:
    (bench.home / "x").write_bytes(bytes(20 * MIB))
    bench.break_store()
    row = work(bench.create("s3_result", "x", key := uuid4().hex))
    with session_scope() as session:
        row = session.get_one(Transfer, row.id)
        if end == "cancelled":
            transfers.cancel(session, row)
        else:
            row.failures = 99
    if end == "given up":
        row = work(row.id)
        assert row.state is TransferState.FAILED
    assert open_uploads(bench.s3) == [key]
    assert overdue() == ["transfers.clean"]
    bench.heal_store()
    row = work(row.id)
    assert open_uploads(bench.s3) == []
    assert (row.leftovers, row.upload_id, row.next_send_at, row.lease_until) == (False, "", None, None)
    assert (row.credentials is None) is (end == "cancelled")


def test_nothing_is_left_of_a_download_that_ends_badly(bench: Bench) -> None:
    key = uuid4().hex
    bench.s3.put_object(Bucket="data", Key=key, Body=bytes(20 * MIB))
    bench.proxy.restart(lambda number: Fault("busy") if number else Fault("cut", 5000))
    row = work(bench.create("s3_data", "a/x", key))
    assert row.state is TransferState.RETRYING
    assert f"a/.x.{row.id.hex}.part" in everything(bench.home)
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, row.id))
    row = work(row.id)
    assert row.state is TransferState.CANCELLED
    assert everything(bench.home) == ["a"]
    assert overdue() == []


@pytest.mark.parametrize("kind", ["s3_data", "s3_result"])
def test_a_cancel_during_a_try_that_fails_for_the_moment_is_the_end(bench: Bench, kind: str) -> None:
    bench.s3.put_object(Bucket="data", Key=(key := uuid4().hex), Body=b"here")
    (bench.home / "up").write_bytes(b"there")
    row_id = bench.create(kind, "a/x" if kind == "s3_data" else "up", key)

    def cancel_and_refuse(number: int) -> Fault:
        if not number:
            with session_scope() as session:
                transfers.cancel(session, session.get_one(Transfer, row_id))
        return Fault("busy")

    bench.proxy.restart(cancel_and_refuse)
    assert work(row_id).state is TransferState.CANCELLED
    bench.heal_store()
    assert overdue() == ["transfers.clean"]
    row = work(row_id)
    assert (row.state, row.leftovers, row.credentials) == (TransferState.CANCELLED, False, None)
    assert not (bench.home / "a/x").exists()
    assert bench.s3.get_object(Bucket="data", Key=key)["Body"].read() == b"here"


def test_what_a_store_refuses_to_throw_away_is_not_tried_for_ever(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    (bench.home / "x").write_bytes(bytes(20 * MIB))
    bench.break_store()
    row = work(bench.create("s3_result", "x", uuid4().hex))
    with session_scope() as session:
        row = session.get_one(Transfer, row.id)
        transfers.cancel(session, row)
        row.credentials = seal(Credentials(services.ACCESS_KEY, "no longer valid"))
    bench.heal_store()
    row = work(row.id)
    assert (row.leftovers, row.next_send_at, row.credentials) == (False, None, None)
    assert "something may be left of it" in caplog.text
    bench.s3.abort_multipart_upload(Bucket="data", Key=row.object, UploadId=open_upload_ids(bench.s3)[0])


def test_a_retry_waits_for_the_end_of_the_clean_up(bench: Bench) -> None:
    key = uuid4().hex
    row = work(bench.create("s3_data", "x", key))
    assert row.state is TransferState.FAILED
    bench.s3.put_object(Bucket="data", Key=key, Body=b"here")
    with session_scope() as session:
        retries.retry(session, session.get_one(Transfer, row.id), "test")
    clean.apply(args=[str(row.id)])
    assert transfer(row.id).leftovers
    assert work(row.id).state is TransferState.COMPLETED


def test_progress_is_written_once_a_second_at_most(bench: Bench) -> None:
    row_id = bench.create("s3_data", "x", uuid4().hex)
    with session_scope() as session:
        claim = claims.take_transfer(session, row_id, "test")
    assert claim
    written: list[float] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("UPDATE transfers"):
            written.append(time.monotonic())

    event.listen(get_engine(), "before_cursor_execute", note)
    with LeaseKeeper(Transfer, [claim]) as keeper:
        hold, done = keeper.progress_of(claim), 0
        hold.expect(1 << 40)
        while len(written) < 3:
            hold.advance(done := done + 1)
    event.remove(get_engine(), "before_cursor_execute", note)
    assert all(later - earlier >= 0.95 for earlier, later in pairwise(written))
    row = transfer(row_id)
    assert 0 < row.bytes_done <= done
    assert row.bytes_per_s is not None


def _from_url(src: str) -> UUID:
    with session_scope() as session:
        return create(
            session, transfers.draft_from_url(session, "local", transfers.UrlRequest("hpc", src, "a/x"))
        )


def test_a_file_of_a_web_server(bench: Bench) -> None:
    with web({"/x": Page(b"here")}) as url:
        row = work(_from_url(f"{url}/x"))
    assert (row.state, row.bytes_total, row.reason) == (TransferState.COMPLETED, 4, "")
    assert (bench.home / "a/x").read_bytes() == b"here"


def test_a_missing_page_is_a_failure_that_can_be_retried(bench: Bench) -> None:
    pages: dict[str, Page] = {}
    with web(pages) as url:
        row = work(_from_url(f"{url}/x"))
        assert (row.state, row.reason) == (
            TransferState.FAILED,
            f"{url}/x answers 404 Not Found: the file does not exist: check src",
        )
        assert everything(bench.home) == []
        pages["/x"] = Page(b"here")
        with session_scope() as session:
            retries.retry(session, session.get_one(Transfer, row.id), "test")
        assert work(row.id).state is TransferState.COMPLETED


def test_post_data(api: TestClient) -> None:
    body = {"src": "https://example.org/a.csv", "dst": "a/x", "infrastructure": "hpc"}
    answer = api.post("/data", json=body)
    assert answer.status_code == 201
    shown = answer.json()
    assert shown.items() >= {**body, "status": "transferring", "state": "accepted", "reason": ""}.items()
    assert api.get(f"/data/{shown['id']}").json()["src"] == body["src"]
    assert api.get(f"/s3_data/{shown['id']}").status_code == 404
    assert [row["id"] for row in api.get("/data").json()["items"]] == [shown["id"]]
    assert api.post(f"/data/{shown['id']}/cancel").json()["state"] == "cancelled"
    assert api.post(f"/data/{shown['id']}/retry").json()["state"] == "accepted"


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"src": "s3://bucket/key"}, 400, "src: a URL that starts with http:// or https:// or ftp://"),
        ({"src": "http://localhost/x"}, 400, "GATEWAY_ALLOWED_ENDPOINTS"),
        ({"src": "http://u:p@example.org/x"}, 400, "user name or a password"),
        ({"src": ""}, 400, "src"),
        ({"dst": "../../etc/x"}, 400, "dst"),
        ({"infrastructure": "none"}, 404, "none"),
    ],
)
def test_post_data_refuses(api: TestClient, change: Row, status: int, says: str) -> None:
    body = {"src": "https://example.org/a.csv", "dst": "a/x", "infrastructure": "hpc", **change}
    answer = api.post("/data", json=body)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert api.get("/data").json()["items"] == []
