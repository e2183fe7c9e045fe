"""Destinations that are forbidden, contested, or gone: a clear error, and no remains."""

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import FilesystemError, StorageError
from gateway.filesystems.shared import SharedFilesystem
from gateway.storage.address import S3Address
from tests.filesystems import read_only
from tests.staging import SETTINGS, Recorder, at, everything, open_uploads, stage_in, stage_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20


def test_a_read_only_disk_is_told(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=b"here")
    with read_only(home / "small"), pytest.raises(FilesystemError, match="read-only"):
        stage_in(address, site, at(home, "small/a/x"), Recorder(), SETTINGS)


def test_two_at_once_to_one_place_leave_one_of_them_whole(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    keys = [f"{address.key}.{n}" for n in range(2)]
    for n, key in enumerate(keys):
        s3.put_object(Bucket="data", Key=key, Body=bytes([n]) * 12 * MIB)

    def bring(key: str) -> None:
        there = S3Address(address.endpoint, address.region, address.bucket, key)
        stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)

    threads = [threading.Thread(target=bring, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert everything(home) == ["x"]
    assert (home / "x").read_bytes() in {bytes([n]) * 12 * MIB for n in range(2)}


def test_two_at_once_to_one_object_leave_one_of_them_whole(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    whole = {bytes([n]) * 12 * MIB for n in range(2)}
    for n, data in enumerate(whole):
        (home / str(n)).write_bytes(data)

    def bring(name: str) -> None:
        stage_out(site, at(home, name), address, Recorder(), SETTINGS)

    threads = [threading.Thread(target=bring, args=(str(n),)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert s3.get_object(Bucket="data", Key=address.key)["Body"].read() in whole
    assert open_uploads(s3) == []


def test_a_source_that_vanishes_from_its_folder_is_still_read_whole(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(bytes(20 * MIB))

    class Remover(Recorder):
        def expect(self, total_bytes: int) -> None:
            super().expect(total_bytes)
            (home / "x").unlink()

    stage_out(site, at(home, "x"), address, Remover(), SETTINGS)
    assert s3.head_object(Bucket="data", Key=address.key)["ContentLength"] == 20 * MIB


def test_a_source_that_is_cut_short_is_not_uploaded(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(bytes(20 * MIB))

    class Cutter(Recorder):
        def expect(self, total_bytes: int) -> None:
            super().expect(total_bytes)
            os.truncate(home / "x", 9 * MIB)

    with pytest.raises(FilesystemError, match="changed while it was read"):
        stage_out(site, at(home, "x"), address, Cutter(), SETTINGS)
    assert "Contents" not in s3.list_objects_v2(Bucket="data", Prefix=address.key)


def test_a_deleted_object_is_told(
    address: S3Address, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=bytes(20 * MIB))

    class Deleter(Recorder):
        def expect(self, total_bytes: int) -> None:
            super().expect(total_bytes)
            s3.delete_object(Bucket="data", Key=address.key)

    with pytest.raises(StorageError, match="no object"):
        stage_in(address, site, at(home, "x"), Deleter(), SETTINGS)
    assert everything(home) == []
