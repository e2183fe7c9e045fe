"""Staging against a real S3 server that checks signatures, sizes and digests."""

import hashlib
import os
import traceback
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import Cancelled, FilesystemError, StorageChanged, StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.filesystems.shared_files import SharedSource
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.transfers.staging.upload import WHOLE_BYTES as PART_BYTES
from gateway.transfers.staging.upload import upload_part_size
from hpc_gateway_commands.demo.services import free_ports
from tests import services
from tests.staging import OWNER, SETTINGS, Recorder, at, everything, open_uploads, stage_in, stage_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIZES = [0, 1, 1000, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 17]


@pytest.mark.parametrize("size", SIZES)
def test_there_and_back_again(
    size: int, s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(size)
    (home / "up").write_bytes(data)
    sent, received = Recorder(), Recorder()
    stage_out(site, at(home, "up"), address, sent, SETTINGS)
    stage_in(address, site, at(home, "new/down"), received, SETTINGS)
    assert (home / "new/down").read_bytes() == data
    assert sent.total == received.total == size
    for progress in (sent, received):
        assert progress.seen == sorted(progress.seen)
        assert not size or progress.seen[-1] == size
    assert everything(home) == ["new", "new/down", "up"]
    assert open_uploads(s3) == []


@pytest.mark.parametrize(
    "key", ["a/b/c", "with space", "größe/Ünïcödé.csv", "plus+percent%20", "a?b#c&d=e", "quote'\"", "日本"]
)
def test_keys_of_every_spelling(
    key: str, s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=key, Body=key.encode())
    stage_in(replace(address, key=key), site, at(home, "x"), Recorder(), SETTINGS)
    assert (home / "x").read_text() == key
    stage_out(site, at(home, "x"), replace(address, key=f"back/{key}"), Recorder(), SETTINGS)
    assert s3.get_object(Bucket="data", Key=f"back/{key}")["Body"].read() == key.encode()


@pytest.mark.parametrize("size", [100, 20_000_000])
def test_objects_that_others_uploaded_in_parts(
    size: int, s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    (home / "up").write_bytes(os.urandom(size))
    s3.upload_file(str(home / "up"), "data", address.key)
    stage_in(address, site, at(home, "down"), Recorder(), SETTINGS)
    assert (home / "down").read_bytes() == (home / "up").read_bytes()


@pytest.mark.parametrize(
    ("change", "credentials", "says"),
    [
        ({}, Credentials(services.ACCESS_KEY, "wrong-secret-key"), "check secret_key"),
        ({}, Credentials("nobody-knows-me", services.SECRET_KEY), "check access_key"),
        ({"bucket": "no-such-bucket"}, OWNER, "no bucket 'no-such-bucket'"),
        ({"key": "no/such/object"}, OWNER, "no object 'no/such/object' in bucket 'data'"),
        ({"bucket": "Not A Bucket"}, OWNER, "bucket"),
    ],
)
def test_a_refused_download_says_what_to_check(
    *,
    change: dict[str, Any],
    credentials: Credentials,
    says: str,
    s3: "S3Client",
    address: S3Address,
    site: SharedFilesystem,
    home: Path,
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=b"here")
    with pytest.raises(StorageError, match=says) as caught:
        stage_in(replace(address, **change), site, at(home, "a/x"), Recorder(), SETTINGS, secret=credentials)
    assert not caught.value.transient
    assert everything(home) == []
    _check_silent(caught.value, credentials)


def _check_silent(error: BaseException, credentials: Credentials) -> None:
    """Look for the keys in all that a log would show of the error."""
    for text in traceback.format_exception(error):
        assert credentials.secret_key not in text
        assert credentials.access_key not in text
    assert credentials.secret_key not in repr(credentials)
    assert credentials.access_key not in repr(credentials)


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
@pytest.mark.parametrize(
    ("change", "credentials", "says"),
    [
        ({}, Credentials(services.ACCESS_KEY, "wrong-secret-key"), "check secret_key"),
        ({}, Credentials("nobody-knows-me", services.SECRET_KEY), "check access_key"),
        ({"bucket": "no-such-bucket"}, OWNER, "no bucket 'no-such-bucket'"),
    ],
)
def test_a_refused_upload_says_what_to_check(
    *,
    size: int,
    change: dict[str, Any],
    credentials: Credentials,
    says: str,
    s3: "S3Client",
    address: S3Address,
    site: SharedFilesystem,
    home: Path,
) -> None:
    (home / "x").write_bytes(bytes(size))
    with pytest.raises(StorageError, match=says) as caught:
        stage_out(site, at(home, "x"), replace(address, **change), Recorder(), SETTINGS, secret=credentials)
    assert not caught.value.transient
    assert open_uploads(s3) == []
    _check_silent(caught.value, credentials)


def test_a_missing_file_is_told_before_the_store_is_asked(
    address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    with pytest.raises(FilesystemError, match="does not exist"):
        stage_out(site, at(home, "missing"), address, Recorder(), SETTINGS)


def test_a_cancelled_download_leaves_the_destination_as_it_was(
    s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=bytes(5_000_000))
    (home / "x").write_text("old")
    with pytest.raises(Cancelled):
        stage_in(address, site, at(home, "x"), Recorder(stop_at=2_000_000), SETTINGS)
    assert (home / "x").read_text() == "old"
    assert everything(home) == ["x"]


def test_a_cancelled_upload_leaves_no_object_and_no_parts(
    s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(bytes(3 * PART_BYTES))
    with pytest.raises(Cancelled):
        stage_out(site, at(home, "x"), address, Recorder(stop_at=PART_BYTES), SETTINGS)
    assert open_uploads(s3) == []
    assert "Contents" not in s3.list_objects_v2(Bucket="data", Prefix=address.key)


@dataclass
class Meddler(Recorder):
    """Changes the source while it is read."""

    path: Path = Path()

    def advance(self, done_bytes: int) -> None:
        super().advance(done_bytes)
        with self.path.open("ab") as file:
            file.write(b"more")


def test_a_file_that_changes_while_it_is_read_is_not_uploaded(
    s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    (home / "x").write_bytes(bytes(2 * PART_BYTES))
    with pytest.raises(FilesystemError, match="changed while it was read"):
        stage_out(site, at(home, "x"), address, Meddler(path=home / "x"), SETTINGS)
    assert open_uploads(s3) == []
    assert "Contents" not in s3.list_objects_v2(Bucket="data", Prefix=address.key)


@pytest.mark.parametrize("megabytes", [4, 8])
def test_a_small_file_that_grows_while_it_is_sent_is_not_stored(
    *,
    megabytes: int,
    s3: "S3Client",
    address: S3Address,
    site: SharedFilesystem,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (home / "x").write_bytes(bytes(megabytes << 20))
    readings, real = count(1), SharedSource.read_at

    def meddle(source: SharedSource, offset: int, length: int) -> bytes:
        if next(readings) == 2:  # its digest has been taken
            with (home / "x").open("ab") as file:
                file.write(b"more")
        return real(source, offset, length)

    monkeypatch.setattr(SharedSource, "read_at", meddle)
    with pytest.raises(FilesystemError, match="changed while it was read"):
        stage_out(site, at(home, "x"), address, Recorder(), SETTINGS)
    assert "Contents" not in s3.list_objects_v2(Bucket="data", Prefix=address.key)


@pytest.mark.parametrize(("changes", "ends_well"), [(1, True), (9, False)])
def test_an_object_that_changes_while_it_is_read_is_begun_again(
    *, changes: int, ends_well: bool, s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    versions = [bytes([n]) * (PART_BYTES * 2 + n) for n in range(changes + 1)]
    s3.put_object(Bucket="data", Key=address.key, Body=versions.pop())

    class Overwriter(Recorder):
        def expect(self, total_bytes: int) -> None:
            super().expect(total_bytes)
            if versions:
                s3.put_object(Bucket="data", Key=address.key, Body=versions.pop())

    if ends_well:
        stage_in(address, site, at(home, "x"), Overwriter(), SETTINGS)
        assert (home / "x").read_bytes() == bytes(PART_BYTES * 2)
    else:
        with pytest.raises(StorageChanged, match="changed while it was read"):
            stage_in(address, site, at(home, "x"), Overwriter(), SETTINGS)
        assert everything(home) == []


def test_a_store_that_is_not_there_is_tried_again(
    address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    nowhere = replace(address, endpoint=f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(StorageUnavailable, match="nothing accepts connections"):
        stage_in(nowhere, site, at(home, "x"), Recorder(), SETTINGS)


def test_a_name_that_does_not_exist_is_final(address: S3Address, site: SharedFilesystem, home: Path) -> None:
    nowhere = replace(address, endpoint="http://no-such-host.invalid:9000")
    with pytest.raises(StorageError, match=r"no-such-host\.invalid"):
        stage_in(nowhere, site, at(home, "x"), Recorder(), SETTINGS)


def test_plain_http_behind_https_is_told(address: S3Address, site: SharedFilesystem, home: Path) -> None:
    tls = replace(address, endpoint=address.endpoint.replace("http:", "https:"))
    with pytest.raises(StorageError, match="certificate"):
        stage_in(tls, site, at(home, "x"), Recorder(), SETTINGS)


def test_an_inner_store_needs_the_operators_word(
    address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    with pytest.raises(StorageError, match="GATEWAY_ALLOWED_ENDPOINTS"):
        stage_in(address, site, at(home, "x"), Recorder(), Settings(allowed_endpoints=[]))


def test_parts_are_never_too_many() -> None:
    for size in (1, PART_BYTES, 10_000 * PART_BYTES, 10_000 * PART_BYTES + 1, 5 << 40):
        assert -(-size // upload_part_size(size)) <= 10_000


def test_what_the_store_keeps_has_the_right_digest(
    s3: "S3Client", address: S3Address, site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(2 * PART_BYTES + 5)
    (home / "x").write_bytes(data)
    stage_out(site, at(home, "x"), address, Recorder(), SETTINGS)
    body = s3.get_object(Bucket="data", Key=address.key)["Body"].read()
    assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()
