"""ETags that are no MD5s: a hint that a second look overrules, unless the bucket's earlier ones were MD5s."""

import base64
import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.errors import StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.storage.address import PresignedUrl, S3Address, Secret
from tests.staging import OWNER, SETTINGS, Recorder, at, everything, stage_in, stage_out
from tests.stores import bodies, etags
from tests.stores.bucket import Bucket, Stored
from tests.stores.server import stores

MIB = 1 << 20
SIZES = [0, 5, 70_000, 9 * MIB]
FORMS = [
    '"{md5}"',
    '"{MD5}"',
    '"{other}"',
    "{other}",
    "{md5}",
    '"{other}-1"',
    '"{other}-3"',
    '"{md5}-1"',
    'W/"{md5}"',
    'W/"{other}"',
    '"anything"',
    "",
]
MD5S = {'"{md5}"', '"{MD5}"', "{md5}"}


@dataclass
class Record:
    """The record of a bucket's ETags, in memory."""

    known: bool = False

    def were_md5s(self) -> bool:
        return self.known

    def record_md5(self) -> None:
        self.known = True


@dataclass
class Place:
    """A cluster's folder, and the two directions between it and the bucket."""

    site: SharedFilesystem
    home: Path

    def bring(self, bucket: Bucket, record: Record | None = None, *, presigned: bool = False) -> str:
        with stores(data=bucket) as url:
            where, secret = S3Address(url, "local", "data", "x"), _secret(url, presigned=presigned)
            path = at(self.home, "in")
            moved = stage_in(where, self.site, path, Recorder(), SETTINGS, secret=secret, etags=record)
        return moved.verification

    def send(self, bucket: Bucket, record: Record | None = None, *, presigned: bool = False) -> str:
        with stores(data=bucket) as url:
            where, secret = S3Address(url, "local", "data", "x"), _secret(url, presigned=presigned)
            path = at(self.home, "out")
            moved = stage_out(self.site, path, where, Recorder(), SETTINGS, secret=secret, etags=record)
        return moved.verification


def _secret(url: str, *, presigned: bool) -> Secret:
    return PresignedUrl(f"{url}/data/x?X-Amz-Signature=geheim") if presigned else OWNER


@pytest.fixture
def place(site: SharedFilesystem, home: Path) -> Place:
    return Place(site, home)


def _is_doubted(form: str) -> bool:
    return "{other}" in form and not form.startswith("W/") and "-3" not in form


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [etags.Etag, etags.WeakIsNoMatch])
def test_an_object_comes_whole_whatever_its_etag_is(
    kind: type[etags.Etag], form: str, size: int, place: Place
) -> None:
    bucket = kind(form)
    bucket.objects["x"] = Stored(data := os.urandom(size))
    way = place.bring(bucket)
    assert (place.home / "in").read_bytes() == data
    assert not any(each.headers.get("if-match", "").startswith("W/") for each in bucket.asked)
    is_doubted = (_is_doubted(form) or form == '"{md5}-1"') and (size > 0 or "-1" not in form)
    assert (way == "second download; the ETag is not the MD5") is is_doubted
    assert (way == "md5") is (form in MD5S)


@pytest.mark.parametrize("form", FORMS)
def test_a_presigned_object_comes_whole_whatever_its_etag_is(form: str, place: Place) -> None:
    bucket = etags.Etag(form)
    bucket.objects["x"] = Stored(data := os.urandom(70_000))
    assert place.bring(bucket, presigned=True)
    assert (place.home / "in").read_bytes() == data


def test_an_object_whose_etag_changes_with_each_answer_comes_in_one_piece(place: Place) -> None:
    bucket = etags.Changing()
    bucket.objects["x"] = Stored(data := os.urandom(20 * MIB))
    assert place.bring(bucket) == "size"
    assert (place.home / "in").read_bytes() == data


@pytest.mark.parametrize("size", [5, 70_000, 20 * MIB])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_goes_out_whatever_the_etags_are(form: str, size: int, place: Place) -> None:
    (place.home / "out").write_bytes(data := os.urandom(size))
    bucket = etags.Etag(form)
    way = place.send(bucket)
    assert bucket.objects["x"].data == data
    is_doubted = "{other}" in form and "-" not in form and "W/" not in form
    assert (way == "read back; the ETag is not the MD5") is is_doubted
    assert (way == "md5") is (form in MD5S)


def test_a_file_that_the_store_keeps_with_other_bytes_is_no_success(place: Place) -> None:
    (place.home / "out").write_bytes(b"here")
    with pytest.raises(StorageUnavailable, match="differ from those sent"):
        place.send(etags.Keeping('"{other}"'))


@pytest.mark.parametrize("size", [0, 5, 9 * MIB])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_goes_out_by_a_presigned_url_whatever_the_etag_is(form: str, size: int, place: Place) -> None:
    (place.home / "out").write_bytes(data := os.urandom(size))
    bucket = etags.Etag(form)
    way = place.send(bucket, presigned=True)
    assert bucket.objects["x"].data == data
    is_doubted = form in {'"{other}"', "{other}"}
    assert (way == "second upload with Content-MD5; the ETag is not the MD5") is is_doubted
    assert len(bucket.asked) == 1 + is_doubted


def test_a_presigned_upload_whose_bytes_are_changed_on_the_way_is_no_success(place: Place) -> None:
    (place.home / "out").write_bytes(b"here")
    with pytest.raises(StorageUnavailable, match="other bytes than those sent reach object"):
        place.send(etags.CorruptingUploads('"{md5}"'), presigned=True)


def test_a_presigned_upload_that_cannot_be_verified_says_so_at_once(place: Place) -> None:
    (place.home / "out").write_bytes(b"here")
    with pytest.raises(StorageError, match=r"takes no Content-MD5 \(403\): send access_key") as caught:
        place.send(etags.RefusingMd5('"{other}"'), presigned=True)
    assert not caught.value.transient
    assert "geheim" not in caught.value.detail


@pytest.mark.parametrize("presigned", [True, False])
def test_an_object_that_is_unpacked_on_its_way_has_no_md5(*, presigned: bool, place: Place) -> None:
    bucket = bodies.Unpacked()
    bucket.objects["x"] = Stored(bodies.GZIPPED)
    assert place.bring(bucket, Record(known=True), presigned=presigned) == "size"
    assert (place.home / "in").read_bytes() == gzip.decompress(bodies.GZIPPED)


@pytest.mark.parametrize("size", [5, 9 * MIB])
def test_where_etags_were_md5s_another_one_is_an_error(size: int, place: Place) -> None:
    good, bad, record = etags.Etag('"{md5}"'), etags.Corrupting('"{md5}"'), Record()
    good.objects["x"] = bad.objects["x"] = Stored(b"here" * (size // 4))
    with pytest.raises(StorageUnavailable, match="md5 checksum"):
        place.bring(bad, Record(known=True))
    assert everything(place.home) == []
    assert place.bring(good, record) == "md5"
    assert record.known
    with pytest.raises(StorageUnavailable, match="md5 checksum"):
        place.bring(bad, record)
    (place.home / "out").write_bytes(b"here" * (size // 4))
    with pytest.raises(StorageUnavailable, match="is not the MD5 of the bytes that were sent, and earlier"):
        place.send(etags.Etag('"{other}"'), record)


def test_an_upload_shows_that_etags_are_md5s_as_well(place: Place) -> None:
    (place.home / "out").write_bytes(b"here")
    place.send(etags.Etag('"{md5}"'), record := Record())
    assert record.known


@pytest.mark.parametrize("size", [5, 9 * MIB])
def test_bytes_that_were_corrupted_once_are_no_file(size: int, place: Place) -> None:
    bucket = etags.CorruptingOnce('"{md5}"')
    bucket.objects["x"] = Stored(b"y" * size)
    with pytest.raises(StorageUnavailable, match="two downloads of the file have different bytes"):
        place.bring(bucket)
    assert everything(place.home) == []


DATA = b"here" * 100_000
RIGHT, WRONG = etags.sha256(DATA), etags.sha256(b"something else")


@pytest.mark.parametrize("form", ['"{other}"', '"{md5}"', ""])
def test_a_checksum_header_decides(form: str, place: Place) -> None:
    bucket = etags.Checksum(form, "sha256", RIGHT)
    bucket.objects["x"] = Stored(DATA)
    assert place.bring(bucket, Record(known=True)) == "sha256"
    wrong = etags.Checksum(form, "sha256", WRONG)
    wrong.objects["x"] = Stored(DATA)
    with pytest.raises(StorageUnavailable, match="sha256 checksum"):
        place.bring(wrong)


def test_a_weaker_checksum_header_decides_where_the_etag_disagrees(place: Place) -> None:
    crc = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    bucket = etags.Checksum('"{other}"', "crc32", crc)
    bucket.objects["x"] = Stored(DATA)
    assert place.bring(bucket, Record(known=True)) == "crc32; the ETag is not the MD5"
    bucket = etags.Checksum('"{other}"', "crc32", "AAAAAA==")
    bucket.objects["x"] = Stored(DATA)
    with pytest.raises(StorageUnavailable, match="crc32 checksum"):
        place.bring(bucket)


def test_a_checksum_of_the_parts_is_none_of_the_whole(place: Place) -> None:
    bucket = etags.Checksum('"{other}-3"', "sha256", f"{WRONG}-3")
    bucket.objects["x"] = Stored(DATA)
    assert place.bring(bucket) == "size"
