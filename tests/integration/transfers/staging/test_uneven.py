"""Objects that were uploaded in parts of different sizes: their checksum of parts cannot be recomputed."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from tests.staging import SETTINGS, Recorder, at, stage_in

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from gateway.filesystems.shared import SharedFilesystem
    from gateway.storage.address import S3Address

MIB = 1 << 20


def _upload(s3: "S3Client", key: str, pieces: Sequence[bytes]) -> None:
    upload = s3.create_multipart_upload(Bucket="data", Key=key)["UploadId"]
    named: list[Any] = []
    for number, piece in enumerate(pieces, start=1):
        stored = s3.upload_part(Bucket="data", Key=key, UploadId=upload, PartNumber=number, Body=piece)
        named.append({"PartNumber": number, "ETag": stored["ETag"]})
    s3.complete_multipart_upload(Bucket="data", Key=key, UploadId=upload, MultipartUpload={"Parts": named})


@pytest.mark.parametrize(
    ("sizes", "looks_even"),
    [
        ((6, 5, 6), False),
        ((5, 9, 1), False),
        ((6, 6, 5), True),
        ((6,), True),
        ((6, 5, 7, 6), True),  # as far as the first and the last can tell
        ((6, 5, 7, 6, 1), True),
    ],
)
def test_parts_of_any_size(
    *,
    sizes: tuple[int, ...],
    looks_even: bool,
    s3: "S3Client",
    address: "S3Address",
    site: "SharedFilesystem",
    home: "Path",
    caplog: pytest.LogCaptureFixture,
) -> None:
    pieces = [os.urandom(size * MIB) for size in sizes]
    _upload(s3, address.key, pieces)
    stage_in(address, site, at(home, "x"), Recorder(), SETTINGS)
    assert (home / "x").read_bytes() == b"".join(pieces)
    surprise = looks_even and len(set(sizes[:-1])) > 1
    assert ("parts differ in size" in caplog.text) is surprise
