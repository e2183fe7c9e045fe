"""The next try after a break: it goes on where the last one stopped, and nothing of a given-up one stays."""

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import StorageBusy, StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import S3Address
from tests.fault_proxy import Fault, Proxy
from tests.staging import (
    Interrupted,
    Recorder,
    Resume,
    abandon_upload,
    at,
    everything,
    open_upload_ids,
    open_uploads,
    stage_in,
    stage_out,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20


SETTINGS = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=1.0)


def test_a_try_ends_in_time(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=there.key, Body=bytes(MIB))
    faulty.restart(lambda _: Fault("stall", 500_000))
    short = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=60, transfer_timeout_s=2.0)
    with pytest.raises(StorageUnavailable, match="not finished after 2 s"):
        stage_in(there, site, at(home, "x"), Recorder(), short)


@pytest.mark.parametrize("in_parts", [False, True])
def test_the_next_try_goes_on_where_the_last_one_stopped(
    *, in_parts: bool, faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(80 * MIB)
    if in_parts:  # the second try takes the digests of the first try's parts from the file
        s3.upload_fileobj(io.BytesIO(data), "data", there.key)
    else:
        s3.put_object(Bucket="data", Key=there.key, Body=data)
    resume, few = Resume(), SETTINGS.model_copy(update={"connections": 2})
    notes = home / f".x.{resume.token}.notes"
    until_noted = Interrupted(lambda _: notes.exists() and notes.read_text().count("done") >= 2)
    faulty.restart(lambda _: Fault("slow"))
    with pytest.raises(StorageUnavailable, match="another try"):
        stage_in(there, site, at(home, "x"), until_noted, few, resume=resume)
    assert everything(home) == [f".x.{resume.token}.notes", f".x.{resume.token}.part"]
    faulty.restart(lambda _: Fault())
    second = Recorder()
    stage_in(there, site, at(home, "x"), second, few, resume=resume)
    assert next(filter(None, second.seen)) >= 16 * MIB
    assert (home / "x").read_bytes() == data
    assert everything(home) == ["x"]


def test_what_a_try_has_finished_in_its_last_moment_is_noted(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=there.key, Body=bytes(80 * MIB))
    resume, few = Resume(), SETTINGS.model_copy(update={"connections": 2})
    with pytest.raises(StorageUnavailable, match="another try"):
        stage_in(there, site, at(home, "x"), Interrupted(lambda done: done >= 75 * MIB), few, resume=resume)
    notes = (home / f".x.{resume.token}.notes").read_text()
    assert notes.count("done") >= 5  # of eight parts of 10 MiB, and no second has passed


def test_what_spoils_on_the_disk_between_two_tries_is_noticed(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.upload_fileobj(io.BytesIO(os.urandom(80 * MIB)), "data", there.key)
    resume, few = Resume(), SETTINGS.model_copy(update={"connections": 2})
    notes, part = (home / f".x.{resume.token}.{end}" for end in ("notes", "part"))
    faulty.restart(lambda _: Fault("slow"))
    with pytest.raises(StorageUnavailable, match="another try"):
        stage_in(there, site, at(home, "x"), Interrupted(lambda _: notes.exists()), few, resume=resume)
    kept = int(notes.read_text().splitlines()[1].split()[0]) - 1
    with part.open("r+b") as file:
        file.seek(kept * 16 * MIB + 5)  # 80 MiB come in five parts
        file.write(b"spoilt")
    faulty.restart(lambda _: Fault())
    with pytest.raises(StorageUnavailable, match="(md5|crc32)-parts checksum"):
        stage_in(there, site, at(home, "x"), Recorder(), few, resume=resume)
    stage_in(there, site, at(home, "x"), Recorder(), few, resume=resume)
    assert everything(home) == ["x"]


def test_the_next_upload_goes_on_where_the_last_one_stopped(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(80 * MIB)
    (home / "x").write_bytes(data)
    resume, few = Resume(), SETTINGS.model_copy(update={"connections": 2})
    until_stored = Interrupted(lambda done: done >= 32 * MIB)  # two of 8 MiB are under way
    faulty.restart(lambda _: Fault("slow", upwards=True))
    with pytest.raises(StorageUnavailable, match="another try"):
        stage_out(site, at(home, "x"), there, until_stored, few, resume=resume)
    (upload_id,) = open_upload_ids(s3)
    assert resume.upload_id == f"crc64nvme:{upload_id}"
    stored = s3.list_parts(Bucket="data", Key=there.key, UploadId=upload_id)["Parts"]
    assert len(stored) >= 2
    faulty.restart(lambda _: Fault())
    stage_out(site, at(home, "x"), there, Recorder(), few, resume=resume)
    assert not resume.upload_id
    assert s3.get_object(Bucket="data", Key=there.key)["Body"].read() == data
    assert open_uploads(s3) == []


def test_what_a_given_up_transfer_left_can_be_thrown_away(
    faulty: Proxy, there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(bytes(20 * MIB))
    resume = Resume()
    faulty.restart(lambda number: Fault("busy") if number else Fault("cut", 5000, upwards=True))
    with pytest.raises(StorageBusy):
        stage_out(site, at(home, "x"), there, Recorder(), SETTINGS, resume=resume)
    assert open_uploads(s3) == [there.key]
    faulty.restart(lambda _: Fault())
    for _ in range(2):
        abandon_upload(there, resume, SETTINGS)
        site.discard(at(home, "y"), resume.token)
    assert open_uploads(s3) == []


def test_an_upload_that_somebody_else_threw_away_is_begun_again(
    there: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(20 * MIB)
    (home / "x").write_bytes(data)
    upload_id = s3.create_multipart_upload(Bucket="data", Key=there.key)["UploadId"]
    s3.abort_multipart_upload(Bucket="data", Key=there.key, UploadId=upload_id)
    resume = Resume(upload_id=f"crc64nvme:{upload_id}")
    stage_out(site, at(home, "x"), there, Recorder(), SETTINGS, resume=resume)
    assert s3.get_object(Bucket="data", Key=there.key)["Body"].read() == data


def test_a_refused_source_leaves_no_upload(there: S3Address, site: SharedFilesystem, home: Path) -> None:
    (home / "x").write_bytes(bytes(20 * MIB))
    resume = Resume()
    with pytest.raises(StorageError, match="no bucket"):
        stage_out(site, at(home, "x"), replace(there, bucket="nowhere"), Recorder(), SETTINGS, resume=resume)
    assert not resume.upload_id
