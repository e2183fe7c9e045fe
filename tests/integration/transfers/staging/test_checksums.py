"""The checksum of an upload: kept and compared by the store, and left out for stores without it."""

import os
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from awscrt.checksums import crc64nvme

from gateway.errors import StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.storage.address import S3Address
from gateway.storage.s3 import clients, multipart
from hpc_gateway_commands.demo.services import ObjectStore
from tests.old_store import Refusal, old_store
from tests.staging import SETTINGS, Interrupted, Recorder, Resume, at, open_uploads, stage_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
SIZES = [0, 5, 3 * MIB, 8 * MIB + 1, 20 * MIB]  # of more than 1 MiB a store is asked first


def _read(s3: "S3Client", address: S3Address) -> bytes:
    return s3.get_object(Bucket="data", Key=address.key)["Body"].read()


@pytest.mark.parametrize("size", SIZES)
def test_the_store_keeps_the_checksum_of_the_whole(
    size: int, address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(data := os.urandom(size))
    stage_out(site, at(home, "x"), address, Recorder(), SETTINGS)
    told = s3.head_object(Bucket="data", Key=address.key, ChecksumMode="ENABLED")
    assert b64decode(told["ChecksumCRC64NVME"]) == crc64nvme(data).to_bytes(8, "big")


def test_a_store_that_has_put_other_bytes_together_is_sent_all_of_them_again(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "x").write_bytes(data := os.urandom(20 * MIB))
    resume = Resume()
    monkeypatch.setattr(multipart, "combine_crcs", lambda *_: bytes(8))  # which the store finds it has not
    with pytest.raises(StorageUnavailable, match="other bytes"):
        stage_out(site, at(home, "x"), address, Recorder(), SETTINGS, resume=resume)
    monkeypatch.undo()
    assert (open_uploads(s3), s3.list_objects_v2(Bucket="data", Prefix=address.key)["KeyCount"]) == ([], 0)
    stage_out(site, at(home, "x"), address, Recorder(), SETTINGS, resume=resume)
    assert _read(s3, address) == data


def test_an_upload_of_a_version_with_another_checksum_is_thrown_away_and_begun_again(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(data := os.urandom(20 * MIB))
    name: Any = {"Bucket": "data", "Key": address.key}
    old = s3.create_multipart_upload(**name, ChecksumAlgorithm="SHA256")["UploadId"]
    part = data[: 8 * MIB]
    s3.upload_part(**name, UploadId=old, PartNumber=1, Body=part, ChecksumAlgorithm="SHA256")
    resume = Resume(upload_id=old)
    stage_out(site, at(home, "x"), address, Recorder(), SETTINGS, resume=resume)
    assert _read(s3, address) == data
    assert (open_uploads(s3), resume.upload_id) == ([], "")


@pytest.fixture(
    params=[(501, "NotImplemented"), (501, "XWhatever"), (400, "InvalidRequest"), (400, "InvalidArgument")],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def refusal(request: pytest.FixtureRequest) -> Refusal:
    return Refusal(*request.param)


@pytest.fixture
def old(refusal: Refusal, store: ObjectStore, address: S3Address) -> Iterator[S3Address]:
    with old_store(store.port, refusal) as url:
        yield replace(address, endpoint=url)
    clients.idle_sessions.clear()


@pytest.mark.parametrize("size", SIZES)
def test_a_store_that_refuses_the_checksum_gets_the_bytes_without_it(
    *, size: int, refusal: Refusal, old: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(data := os.urandom(size))
    stage_out(site, at(home, "x"), old, Recorder(), SETTINGS)
    assert _read(s3, old) == data
    refused = len(refusal.targets)
    assert refused
    stage_out(site, at(home, "x"), old, Recorder(), SETTINGS)
    assert len(refusal.targets) == refused  # it is known by now
    assert open_uploads(s3) == []


def test_an_upload_without_the_checksum_goes_on_without_it(
    *, refusal: Refusal, old: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(data := os.urandom(20 * MIB))
    resume = Resume()
    almost = Interrupted(lambda done: done == len(data))  # every part is there, and not yet put together
    with pytest.raises(StorageUnavailable, match="another try"):
        stage_out(site, at(home, "x"), old, almost, SETTINGS, resume=resume)
    assert resume.upload_id.startswith("unchecked:")
    clients.idle_sessions.clear()  # as another worker, which knows nothing of this store
    refused = len(refusal.targets)
    stage_out(site, at(home, "x"), old, Recorder(), SETTINGS, resume=resume)
    assert _read(s3, old) == data
    assert len(refusal.targets) == refused


def test_what_is_refused_for_another_reason_is_told(
    address: S3Address, site: SharedFilesystem, home: Path, store: ObjectStore
) -> None:
    (home / "x").write_bytes(b"here")
    with old_store(store.port, Refusal(400, "InvalidRequest")) as url:
        nowhere = replace(address, bucket="nowhere", endpoint=url)
        with pytest.raises(StorageError, match="there is no bucket 'nowhere'"):
            stage_out(site, at(home, "x"), nowhere, Recorder(), SETTINGS)
    clients.idle_sessions.clear()
