"""The client against the real API over HTTP, blocking and async."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import boto3
import pytest
from sqlalchemy import Engine

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.states import JobState, TransferState
from gateway.work.transitions import move
from hpc_gateway_client import (
    AsyncGateway,
    Gateway,
    GatewayClientError,
    Job,
    Refused,
    Store,
    TransferFailed,
    Unreachable,
)
from hpc_gateway_client.models import Transfer as Shown
from tests.ended_rows import ended_job, failed_transfer
from tests.rows import new_job, transfer
from tests.servers import served
from tests.services import object_store

STORE = Store("https://s3.example.org", "b", "access", "a/secret+key=1")


@pytest.fixture
def url(database: Engine, broker: str) -> Iterator[str]:
    from tests.application import make_app  # noqa: PLC0415  after the environment is set

    with served(make_app()) as base:
        yield base


def _end(row_id: UUID, state: TransferState, reason: str = "") -> None:
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        if row.state is TransferState.ACCEPTED:
            move(session, row, TransferState.TRANSFERRING)
            move(session, row, state, reason)


def _complete(row: Shown) -> None:
    _end(row.id, TransferState.COMPLETED)


def _fail(row: Shown) -> None:
    _end(row.id, TransferState.FAILED, "NoSuchBucket")


def test_a_step_waits_for_the_end(url: str) -> None:
    with Gateway(url, "hpc", STORE) as gateway:
        row = gateway.stage_in("o.csv", "serrano/data/o.csv", _complete)
    assert (row.state, row.dst, row.ended_at is not None) == ("completed", "serrano/data/o.csv", True)


def test_an_interrupted_wait_names_the_work_that_goes_on(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hpc_gateway_client.gateway.time", SimpleNamespace(sleep=interrupted))
    with Gateway(url, "hpc", STORE) as gateway, pytest.raises(KeyboardInterrupt) as caught:
        gateway.stage_in("o.csv", "serrano/data/o.csv")
    with Gateway(url, "hpc", STORE) as gateway:
        [row] = gateway.transfers("s3_data").items
    assert f"/s3_data/{row.id} is accepted" in caught.value.__notes__[0]


def test_a_cancelled_wait_names_the_work_that_goes_on(url: str) -> None:
    async def main() -> str:
        async with AsyncGateway(url, "hpc", STORE) as gateway:
            accepted = asyncio.Event()
            wait = asyncio.create_task(gateway.stage_in("o", "serrano/data/o", lambda _row: accepted.set()))
            await accepted.wait()
            wait.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await wait
            [row] = (await gateway.transfers("s3_data")).items
            assert str(row.id) in caught.value.__notes__[0]
            return row.state

    assert asyncio.run(main()) == "accepted"


def test_a_failure_raises_with_the_reason_and_can_be_retried_with_other_keys(url: str) -> None:
    with Gateway(url, "hpc", STORE) as gateway:
        with pytest.raises(TransferFailed, match="NoSuchBucket") as caught:
            gateway.stage_out("x.csv", "o.csv", _fail)
        again = gateway.retry(caught.value.transfer, "ada", "made the bucket", store=STORE)
        assert (again.state, again.attempt) == ("accepted", 2)
        assert [event.actor for event in gateway.history(again)][-1] == "ada"
        assert gateway.cancel(again).state == "cancelled"
        with pytest.raises(Refused, match="erased") as refused:
            gateway.retry(again)
        assert refused.value.status == 409


def test_a_job_takes_resources_and_its_retry_others(url: str) -> None:
    with Gateway(url, "hpc") as gateway:
        row = gateway.start_compute(["fft"], "/x.csv", resources={"time_limit_s": 60, "grow": True})
        assert (row.resources["time_limit_s"], row.resources["grow"]) == (60, True)
        with pytest.raises(Refused, match="resources.account: this cluster lets clients choose none"):
            gateway.start_compute(["fft"], "/x.csv", resources={"account": "lab"})
        failed = gateway.find(ended_job(JobState.TIMEOUT))
        again = gateway.retry(failed, "ada", resources={"time_limit_s": 120})
    assert isinstance(again, Job)
    assert (again.attempt, again.resources["time_limit_s"]) == (2, 120)


def test_lists_finds_and_bulk_retries(url: str) -> None:
    failed, job = failed_transfer("denied"), new_job("fft")
    with Gateway(url) as gateway:
        page = gateway.transfers("s3_data", state="failed", reason="DENIED", service=None)
        assert ([row.id for row in page.items], page.counts) == ([failed], {"failed": 1})
        assert [row.id for row in gateway.jobs(service="fft").items] == [job]
        assert (gateway.find(job).id, gateway.find(failed).id) == (job, failed)
        assert gateway.retry_many({"reason": "denied", "since": page.items[0].created_at}).dry_run
        assert gateway.retry_many({"reason": "denied"}, "ada", dry_run=False).retried == 1
        assert [cluster.name for cluster in gateway.infrastructures()] == ["hpc", "unserved"]
    assert transfer(failed).attempt == 2


def test_the_async_client_says_the_same(url: str) -> None:
    async def walk() -> None:
        async with AsyncGateway(url, "hpc", STORE) as gateway:
            rows = await asyncio.gather(*(gateway.stage_in("o", f"{i}.csv", _complete) for i in range(3)))
            assert {row.state for row in rows} == {"completed"}
            started = await gateway.start_compute(["fft"], "/x.csv", {"num_mpi_procs": 1})
            assert (await gateway.look(started)).state == "accepted"
            assert (await gateway.cancel(started)).succeeded is False
            with pytest.raises(Refused, match="no job"):
                await gateway.find(uuid4())

    asyncio.run(walk())


def test_what_cannot_be_asked_for_is_said(url: str) -> None:
    with Gateway(url, "hpc") as gateway:
        with pytest.raises(GatewayClientError, match="needs a store"):
            gateway.stage_in("o", "x.csv")
        with pytest.raises(Refused, match="not a service"):
            gateway.compute(["fftt"], "/x.csv")
    with Gateway("http://127.0.0.1:1", "hpc", STORE, patience_s=0.2) as nowhere, pytest.raises(Unreachable):
        nowhere.stage_in("o", "x.csv")


def test_the_store_gives_back_what_it_was_given(tmp_path: Path) -> None:
    with object_store(tmp_path) as service:
        store = Store(service.url, "probes", service.access_key, service.secret_key)
        (tmp_path / "in").write_bytes(b"0123456789")
        with pytest.raises(GatewayClientError, match="NoSuchBucket|does not exist"):
            store.upload(tmp_path / "in", "key")
        with pytest.raises(GatewayClientError, match="not downloaded"):
            store.download("key", tmp_path / "out")
        with pytest.raises(GatewayClientError, match="not uploaded"):
            store.upload(tmp_path / "missing", "key")
        assert not (tmp_path / "out").exists()
        boto3.client(
            "s3",
            endpoint_url=store.endpoint,
            region_name=store.region,
            aws_access_key_id=store.access_key,
            aws_secret_access_key=store.secret_key,
        ).create_bucket(Bucket="probes")
        store.upload(tmp_path / "in", "a key/é")
        store.download("a key/é", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"0123456789"
        store.delete("a key/é")
        with pytest.raises(GatewayClientError, match="not downloaded"):
            store.download("a key/é", tmp_path / "out")
    assert "secret" not in repr(STORE)


def test_the_store_comes_from_the_usual_variables_or_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(GatewayClientError, match="AWS_ACCESS_KEY_ID"):
        Store.from_environment("b")
    with pytest.raises(GatewayClientError, match="nobody"):
        Store.from_environment("b", "nobody")
    (tmp_path / "config").write_text(
        "[profile lab]\nendpoint_url = https://lab.example.org\nregion = lab-1\n"
        "aws_access_key_id = a\naws_secret_access_key = s\n"
    )
    assert Store.from_environment("b", "lab") == Store("https://lab.example.org", "b", "a", "s", "lab-1")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert Store.from_environment("b").region == "lab-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "default-2")
    assert Store.from_environment("b").region == "default-2"
    monkeypatch.setenv("AWS_REGION", "region-3")
    assert Store.from_environment("b").region == Store.from_environment("b", "lab").region == "region-3"
    monkeypatch.setenv("AWS_REGION", "")
    assert Store.from_environment("b").region == "default-2"
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.example.org")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a/secret+key=1")
    assert Store.from_environment("b") == STORE
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    amazon = Store.from_environment("b")
    assert (amazon.region, amazon.endpoint.endswith(".amazonaws.com")) == ("us-east-1", True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.example.org")
    monkeypatch.setenv("AWS_REGION", "no region")
    with pytest.raises(GatewayClientError, match="no region"):
        Store.from_environment("b")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(GatewayClientError, match="nonsense"):
        Store.from_environment("b")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.example.org")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "short-lived")
    temporary = Store.from_environment("b")
    assert temporary.fields["session_token"] == "short-lived"
    assert "short-lived" not in repr(temporary)
