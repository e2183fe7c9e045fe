"""Staging through a network that cuts, stalls, truncates, corrupts and is busy."""

import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Cancelled, StorageBusy, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import S3Address
from tests.fault_proxy import Fault, Plan, Proxy, first
from tests.staging import (
    Recorder,
    Resume,
    abandon_upload,
    at,
    everything,
    open_uploads,
    stage_in,
    stage_out,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20


SETTINGS = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=1.0)


FAULTS = [
    Fault("cut", 100_000),
    Fault("cut", 0),
    Fault("stall", 500_000),
    Fault("busy"),
    Fault("cut", 300_000, upwards=True),
    Fault("stall", 300_000, upwards=True),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.after}-{fault.upwards}")
@pytest.mark.parametrize("size", [MIB, 20 * MIB])
def test_one_try_survives_faults_of_the_network(
    *,
    fault: Fault,
    size: int,
    faulty: Proxy,
    there: S3Address,
    s3: "S3Client",
    site: SharedFilesystem,
    home: Path,
) -> None:
    data = os.urandom(size)
    s3.put_object(Bucket="data", Key=there.key, Body=data)
    (home / "up").write_bytes(data)
    in_one_answer = size == MIB and fault.after and not fault.upwards
    faulty.restart(first(fault, fault) if in_one_answer else _after_the_first_answer(fault))
    stage_in(there, site, at(home, "down"), Recorder(), SETTINGS)
    assert (home / "down").read_bytes() == data
    faulty.restart(_after_the_first_answer(fault) if size > 8 * MIB else first(fault, fault))
    back = replace(there, key=f"{there.key}.back")
    stage_out(site, at(home, "up"), back, Recorder(), SETTINGS)
    assert s3.get_object(Bucket="data", Key=back.key)["Body"].read() == data
    assert everything(home) == ["down", "up"]
    assert open_uploads(s3) == []


@pytest.mark.parametrize("fault", [Fault("cut", 5_000), Fault("stall", 5_000)], ids=lambda fault: fault.kind)
def test_a_small_object_whose_first_answer_breaks_is_fetched_again_at_once(
    *, fault: Fault, faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(20_000)
    s3.put_object(Bucket="data", Key=there.key, Body=data)
    faulty.restart(first(fault))
    stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert (home / "x").read_bytes() == data
    assert everything(home) == ["x"]


def _after_the_first_answer(fault: Fault) -> Plan:
    """Let the first answer of a download or an upload through: its failure is for the next try of the row."""
    return lambda number: fault if 0 < number < 4 else Fault()


def test_a_corrupted_byte_on_the_way_in_is_noticed_and_fetched_again(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(20 * MIB)
    s3.put_object(Bucket="data", Key=there.key, Body=data)
    faulty.restart(lambda number: Fault("corrupt", 500_000) if number == 1 else Fault())
    with pytest.raises(StorageUnavailable, match="checksum"):
        stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert everything(home) == []
    stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert (home / "x").read_bytes() == data


@pytest.mark.parametrize("size", [MIB, 20 * MIB])
def test_a_corrupted_byte_on_the_way_out_is_noticed_and_sent_again(
    *, size: int, faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(size)
    (home / "x").write_bytes(data)
    faulty.restart(lambda number: Fault("corrupt", 500_000, upwards=True) if number < 2 else Fault())
    stage_out(site, at(home, "x"), there, Recorder(), SETTINGS)
    assert s3.get_object(Bucket="data", Key=there.key)["Body"].read() == data
    assert open_uploads(s3) == []


@pytest.mark.parametrize("upwards", [False, True])
@pytest.mark.parametrize(("size", "bad"), [(MIB, 0), (20 * MIB, 0), (20 * MIB, 1), (20 * MIB, 2)])
def test_a_message_that_claims_to_be_whole_and_is_not(
    *,
    size: int,
    bad: int,
    upwards: bool,
    faulty: Proxy,
    there: S3Address,
    s3: "S3Client",
    site: SharedFilesystem,
    home: Path,
) -> None:
    data = os.urandom(size)
    s3.put_object(Bucket="data", Key=there.key, Body=b"old" if upwards else data)
    (home / "up").write_bytes(data)
    truncate = Fault("truncate", 500_000, upwards=upwards)
    faulty.restart(lambda number: truncate if number == bad else Fault())
    with suppress(StorageUnavailable):
        _move(there, site, home, Recorder(), SETTINGS, upwards=upwards)
    _move(there, site, home, Recorder(), SETTINGS, upwards=upwards)
    stored = s3.get_object(Bucket="data", Key=there.key)["Body"].read()
    assert (stored if upwards else (home / "x").read_bytes()) == data
    assert open_uploads(s3) == []


def test_objects_uploaded_in_parts_are_verified_too(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "up").write_bytes(os.urandom(20 * MIB))
    s3.upload_file(str(home / "up"), "data", there.key)
    faulty.restart(lambda number: Fault("corrupt", 500_000) if number == 1 else Fault())
    with pytest.raises(StorageUnavailable, match="(md5|crc32)-parts checksum"):
        stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)


def test_an_answer_cut_short_is_noticed_where_no_checksum_tells(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "up").write_bytes(os.urandom(20 * MIB))
    s3.upload_file(str(home / "up"), "data", there.key)  # in parts that do not fit the short size
    faulty.restart(first(Fault("truncate", 500_000)))
    with pytest.raises(StorageUnavailable, match="cut short"):
        stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert everything(home) == ["up"]


def test_a_store_that_stays_busy_is_left_alone_for_a_while(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=there.key, Body=bytes(20 * MIB))
    faulty.restart(lambda number: Fault("busy") if number else Fault("cut", 5000))
    with pytest.raises(StorageBusy, match="too busy"):
        stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert faulty.connections < 60


def test_a_cancel_does_not_wait_for_a_store_that_is_silent(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=there.key, Body=bytes(20 * MIB))
    (home / "up").write_bytes(bytes(20 * MIB))
    patient = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=60)

    class Impatient(Recorder):
        def advance(self, done_bytes: int) -> None:
            super().advance(done_bytes)
            if len(self.seen) > 4:
                raise Cancelled("enough")

    for fault in (Fault("stall", 500_000), Fault("stall", 500_000, upwards=True)):
        faulty.restart(lambda number, fault=fault: fault if number else Fault())  # type: ignore[misc]
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            _move(there, site, home, Impatient(), patient, upwards=fault.upwards)
        assert time.monotonic() - begun < 2
        assert everything(home) == ["up"]
        assert open_uploads(s3) == []


@pytest.mark.parametrize("upwards", [False, True])
def test_a_cancel_does_not_wait_for_the_first_answer_either(
    *, upwards: bool, faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=there.key, Body=b"here")
    (home / "up").write_bytes(bytes(20 * MIB))
    faulty.restart(lambda _: Fault("stall"))
    patient = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=60)

    class Impatient(Recorder):
        def advance(self, done_bytes: int) -> None:
            super().advance(done_bytes)
            if len(self.seen) > 4:
                raise Cancelled("enough")

    resume, begun = Resume(lost_since=datetime.now(UTC)), time.monotonic()
    with pytest.raises(Cancelled):
        _move(there, site, home, Impatient(), patient, upwards=upwards, resume=resume)
    assert time.monotonic() - begun < 5
    assert everything(home) == ["up"]
    faulty.restart(lambda _: Fault())
    abandon_upload(there, resume, SETTINGS)  # the store has begun one, and its id never came
    assert open_uploads(s3) == []


def _move(
    there: S3Address,
    site: SharedFilesystem,
    home: Path,
    progress: Recorder,
    settings: Settings,
    *,
    upwards: bool,
    resume: Resume | None = None,
) -> None:
    if upwards:
        stage_out(site, at(home, "up"), there, progress, settings, resume=resume)
    else:
        stage_in(there, site, at(home, "x"), progress, settings)
