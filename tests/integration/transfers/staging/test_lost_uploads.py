"""Uploads of a process that was killed before it could record their id: found and aborted."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.storage.address import S3Address
from gateway.storage.s3.object import S3Object
from gateway.transfers import lifecycle as transfers
from gateway.work import claims
from tests.fault_proxy import Fault
from tests.rows import transfer
from tests.staging import OWNER, SETTINGS, everything, open_upload_ids, open_uploads
from tests.staging_rows import Bench, work

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gateway.db'}"


def _begin(s3: "S3Client", key: str, *, part: bool = False) -> str:
    upload_id = s3.create_multipart_upload(Bucket="data", Key=key, ChecksumAlgorithm="CRC64NVME")["UploadId"]
    if part:
        s3.upload_part(
            Bucket="data",
            Key=key,
            UploadId=upload_id,
            PartNumber=1,
            Body=b"theirs",
            ChecksumAlgorithm="CRC64NVME",
        )
    return upload_id


def _abort(s3: "S3Client", *uploads: tuple[str, str]) -> None:
    for key, upload_id in uploads:
        s3.abort_multipart_upload(Bucket="data", Key=key, UploadId=upload_id)


def test_a_kill_between_the_stores_answer_and_its_record_leaves_nothing(
    address: S3Address, s3: "S3Client", home: Path, tmp_path: Path
) -> None:
    (home / "x").write_bytes(data := bytes(range(256)) * (20 * MIB // 256))
    orders = {
        "inwards": False,
        "home": str(home),
        "name": "x",
        "endpoint": address.endpoint,
        "key": address.key,
        "resume": str(tmp_path / "resume"),
        "token": uuid4().hex,
        "begun_at": datetime.now(UTC).isoformat(),
    }
    argv = [sys.executable, "-m", "tests.stage_once"]
    killed = subprocess.run([*argv, json.dumps(orders | {"deadly": True})], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert open_uploads(s3) == [address.key]
    assert not (tmp_path / "resume").exists()
    subprocess.run([*argv, json.dumps(orders)], check=True)
    assert open_uploads(s3) == []
    assert s3.get_object(Bucket="data", Key=address.key)["Body"].read() == data


def test_what_strangers_have_begun_is_left_alone(address: S3Address, s3: "S3Client") -> None:
    with_part, longer_key = _begin(s3, address.key, part=True), _begin(s3, f"{address.key}.more")
    lost = _begin(s3, address.key)
    store = S3Object(address, OWNER, SETTINGS)
    uploads = store.uploads
    now = datetime.now(UTC)
    assert list(uploads.find_lost(now + timedelta(minutes=1))) == []  # all are older than the transfer
    assert list(uploads.find_lost(now - timedelta(minutes=1))) == [lost]
    store.close()
    _abort(s3, (address.key, with_part), (f"{address.key}.more", longer_key), (address.key, lost))


@pytest.mark.parametrize("end", ["cancelled", "given up"])
def test_a_transfer_that_ends_badly_finds_it_too(bench: Bench, end: str) -> None:
    (bench.home / "x").write_bytes(bytes(20 * MIB))
    row_id = bench.create("s3_result", "x", key := uuid4().hex)
    with session_scope() as session:
        assert claims.take_transfer(session, row_id, "a worker that dies")
    upload_id = _begin(bench.s3, key)
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.lease_until = row.created_at  # that worker is silent
        if end == "cancelled":
            transfers.cancel(session, row)
        else:
            row.failures = 99
    if end == "cancelled":
        bench.proxy.restart(lambda _: Fault("stall", 100_000, upwards=True))  # until it hears of the cancel
    row = work(row_id)
    assert row.state is (TransferState.CANCELLED if end == "cancelled" else TransferState.FAILED)
    bench.heal_store()
    row = work(row_id)
    assert upload_id not in open_upload_ids(bench.s3)
    assert (row.leftovers, row.credentials is None) == (False, end == "cancelled")
    assert everything(bench.home) == ["x"]
    assert transfer(row_id).next_send_at is None
