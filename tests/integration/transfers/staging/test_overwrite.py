"""`overwrite: false`: an existing destination stays, and the transfer ends in failure."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.transfers import lifecycle as transfers
from tests.bodies import DATA
from tests.rows import transfer
from tests.staging import everything
from tests.staging_rows import Bench, work

URL = {"src": "https://example.org/a.csv", "dst": "serrano/data/a.csv", "infrastructure": "hpc"}


def _put(bench: Bench, body: bytes) -> str:
    key = uuid4().hex
    bench.s3.put_object(Bucket="data", Key=key, Body=body)
    return key


def test_an_existing_file_stays(bench: Bench) -> None:
    (bench.home / "x").write_bytes(b"mine")
    row = work(bench.create("s3_data", "x", _put(bench, b"theirs"), overwrite=False))
    assert row.state is TransferState.FAILED
    assert "/x exists on the cluster, and `overwrite` is false" in row.reason
    assert (bench.home / "x").read_bytes() == b"mine"
    assert everything(bench.home) == ["x"]


def test_a_new_file_appears(bench: Bench) -> None:
    row = work(bench.create("s3_data", "x", _put(bench, b"new"), overwrite=False))
    assert (row.state, (bench.home / "x").read_bytes()) == (TransferState.COMPLETED, b"new")


def test_a_claim_that_died_after_the_publication_is_no_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id = bench.create("s3_data", "x", _put(bench, b"new"), overwrite=False)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(transfers, "complete", die)
        with pytest.raises(KeyboardInterrupt):
            work(row_id)
    assert everything(bench.home) == ["x"]
    _expire(row_id)
    row = work(row_id)
    assert (row.state, row.claim) == (TransferState.COMPLETED, 2)
    assert everything(bench.home) == ["x"]


def _expire(row_id: UUID) -> None:
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.lease_until = row.created_at


def test_children_of_a_prefix_inherit_it(bench: Bench) -> None:
    prefix = f"{uuid4().hex}/"
    bench.s3.put_object(Bucket="data", Key=f"{prefix}x", Body=b"theirs")
    parent = work(bench.create("s3_data", "in", prefix, overwrite=False))
    with session_scope(read_only=True) as session:
        child = session.query(Transfer).filter_by(parent_id=parent.id).one()
    assert child.overwrite is False


@pytest.mark.parametrize(("url", "body"), [("/s3_data", DATA), ("/data", URL)])
@pytest.mark.parametrize(
    ("sent", "kept"), [({}, True), ({"overwrite": None}, True), ({"overwrite": False}, False)]
)
def test_the_status_tells_it(
    api: TestClient, url: str, body: dict[str, Any], sent: dict[str, Any], *, kept: bool
) -> None:
    answer = api.post(url, json={**body, **sent})
    assert answer.status_code == 201, answer.text
    assert answer.json()["overwrite"] is kept
    assert transfer(UUID(answer.json()["id"])).overwrite is kept


def test_another_value_is_refused(api: TestClient) -> None:
    answer = api.post("/s3_data", json={**DATA, "overwrite": "perhaps"})
    assert answer.status_code == 400
    assert "overwrite" in answer.text
