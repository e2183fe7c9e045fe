"""A cluster without space: a clear error, no remains, and a retry that works."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from gateway.db import session_scope
from gateway.errors import Fault, FilesystemError
from gateway.filesystems.shared import SharedFilesystem
from gateway.models import Transfer
from gateway.operations import retries
from gateway.states import TransferState
from gateway.storage.address import S3Address
from tests.filesystems import Mounting, full_disk, with_quota, without_reservation
from tests.staging import SETTINGS, Recorder, at, everything, stage_in
from tests.staging_rows import Bench, overdue, work
from tests.web import Page, web

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
ROOM_BYTES = 4 * MIB
FULL, OVER_QUOTA = "no space is left on the cluster", "the quota on the cluster is used up"
REFUSALS = pytest.mark.parametrize(
    ("mounting", "says"), [(full_disk, FULL), (with_quota, OVER_QUOTA)], ids=["full", "quota"]
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gateway.db'}"


@pytest.fixture
def place(mounting: Mounting, tmp_path: Path) -> Iterator[Path]:
    with mounting(tmp_path / "small", ROOM_BYTES):
        yield tmp_path / "small"


@REFUSALS
def test_too_little_space_is_told_before_a_byte_is_moved(
    place: Path, says: str, address: S3Address, s3: "S3Client"
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=bytes(ROOM_BYTES + MIB))
    (place / "x").write_text("old")
    progress = Recorder()
    with pytest.raises(FilesystemError, match=says) as caught:
        stage_in(address, _site(place), at(place, "x"), progress, SETTINGS)
    assert (caught.value.transient, caught.value.fault) == (False, Fault.SPACE)
    assert max(progress.seen, default=0) == 0
    assert everything(place) == ["x"]
    assert (place / "x").read_text() == "old"


@pytest.mark.parametrize("mounting", [full_disk])
def test_too_little_space_is_told_while_it_is_taken_beside_the_bytes(
    mounting: Mounting, address: S3Address, s3: "S3Client", tmp_path: Path
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=bytes(112 * MIB))
    with mounting(home := tmp_path / "large", 100 * MIB):
        for _ in range(2):
            with pytest.raises(FilesystemError, match=FULL):
                stage_in(address, _site(home), at(home, "x"), Recorder(), SETTINGS)
            assert everything(home) == []


@REFUSALS
def test_space_that_ends_under_way_is_told_and_given_back(place: Path, says: str) -> None:
    unknown_size = Page(os.urandom(ROOM_BYTES + MIB), chunked=True, ranges=False)
    with web({"/x": unknown_size}) as url, pytest.raises(FilesystemError, match=says):
        stage_in(f"{url}/x", _site(place), at(place, "a/x"), Recorder(), SETTINGS, secret=None)
    assert everything(place) == ["a"]
    (place / "again").write_bytes(os.urandom(ROOM_BYTES // 2))


@pytest.mark.parametrize("mounting", [without_reservation])
def test_a_filesystem_that_cannot_reserve_is_full_under_way(
    place: Path, address: S3Address, s3: "S3Client"
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=os.urandom(ROOM_BYTES + MIB))
    with pytest.raises(FilesystemError, match=FULL):
        stage_in(address, _site(place), at(place, "x"), Recorder(), SETTINGS)
    assert everything(place) == []


@REFUSALS
def test_the_row_says_so_and_a_retry_works_when_there_is_space(
    mounting: Mounting, says: str, bench: Bench
) -> None:
    data, key, hog = os.urandom(ROOM_BYTES // 2), uuid4().hex, bench.home / "hog"
    bench.s3.put_object(Bucket="data", Key=key, Body=data)
    with mounting(bench.home, ROOM_BYTES):
        hog.write_bytes(os.urandom(ROOM_BYTES * 3 // 4))
        row = work(bench.create("s3_data", "x", key))
        assert (row.state, row.fault) == (TransferState.FAILED, Fault.SPACE)
        assert says in row.reason
        assert overdue() == ["transfers.clean"]
        assert not work(row.id).leftovers
        assert everything(bench.home) == ["hog"]
        hog.unlink()
        with session_scope() as session:
            retries.retry(session, session.get_one(Transfer, row.id), "test")
        assert work(row.id).state is TransferState.COMPLETED
        assert (bench.home / "x").read_bytes() == data


def _site(folder: Path) -> SharedFilesystem:
    return SharedFilesystem([PurePosixPath(folder)])
