"""Staging from a store that counts requests: fewer and longer ones, and every byte arrives."""

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from gateway.errors import StorageBusy
from gateway.filesystems.shared import SharedFilesystem
from gateway.storage.address import S3Address
from tests.fault_proxy import Fault, Proxy, Throttle
from tests.polling import until
from tests.staging import SETTINGS, Recorder, at, everything, stage_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
PART, PARTS = 8 * MIB, 32
SIZE = PART * PARTS - MIB + 5
PER_S = 3
UNREAD = 2 * PART  # of the first answer, which is of the whole: bytes on their way when that is clear


def _store(s3: "S3Client", key: str, *, in_parts: bool) -> bytes:
    data = os.urandom(MIB) * (SIZE // MIB) + b"short"
    if in_parts:
        s3.upload_fileobj(io.BytesIO(data), "data", key)
    else:
        s3.put_object(Bucket="data", Key=key, Body=data)
    return data


@pytest.mark.parametrize("in_parts", [False, True])
def test_fewer_and_longer_requests_bring_the_same_bytes(
    *, in_parts: bool, faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = _store(s3, there.key, in_parts=in_parts)
    faulty.throttle = Throttle(PER_S)
    stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert faulty.throttle.refused
    assert faulty.throttle.served < PARTS * 0.9
    assert (home / "x").read_bytes() == data
    assert everything(home) == ["x"]


def test_a_store_that_refuses_nothing_is_asked_for_part_after_part(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = _store(s3, there.key, in_parts=False)
    faulty.throttle = Throttle(10 * PARTS)
    stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert (faulty.throttle.served, faulty.throttle.refused) == (PARTS, 0)
    assert (home / "x").read_bytes() == data


class _OfParts(Throttle):
    """Refuses every question for the size of a part."""

    def refuses(self, data: bytes) -> bool:
        return b"?partNumber=" in data


def test_a_refused_question_for_the_parts_does_not_take_their_checksum_away(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.upload_fileobj(io.BytesIO(os.urandom(20 * MIB)), "data", there.key)
    faulty.throttle = _OfParts(1)
    with pytest.raises(StorageBusy):
        stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert everything(home) == []


def test_a_kill_in_the_middle_of_a_long_request_loses_only_what_is_not_on_the_disk(
    faulty: Proxy, there: S3Address, s3: "S3Client", home: Path
) -> None:
    data, token = _store(s3, there.key, in_parts=True), uuid4().hex
    notes = home / f".x.{token}.notes"
    faulty.restart(lambda _: Fault("slow"))
    faulty.throttle = Throttle(PER_S)
    begun = _try(there, home, token)
    until("half of it is noted", lambda: notes.exists() and notes.read_text().count("done") >= PARTS // 2, 60)
    begun.kill()
    begun.wait()
    kept = notes.read_text().count("done") * PART
    faulty.restart(lambda _: Fault())
    faulty.throttle = None
    mark = faulty.mark(float("inf"))
    assert _try(there, home, token).wait() == 0
    assert mark.passed < SIZE - kept + UNREAD
    assert (home / "x").read_bytes() == data
    assert everything(home) == ["x"]


def _try(there: S3Address, home: Path, token: str) -> "subprocess.Popen[bytes]":
    orders = {
        "inwards": True,
        "home": str(home),
        "name": "x",
        "endpoint": there.endpoint,
        "key": there.key,
        "resume": str(home / "resume"),
        "token": token,
        "begun_at": datetime.now(UTC).isoformat(),
    }
    return subprocess.Popen([sys.executable, "-m", "tests.stage_once", json.dumps(orders)])
