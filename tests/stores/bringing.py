"""Objects of a bucket brought to the cluster by keys, by a presigned URL, or as files of a web server."""

import os
from pathlib import Path

from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import PresignedUrl, S3Address, Secret
from gateway.transfers.outcome import Outcome
from tests.staging import OWNER, Recorder, at, stage_in
from tests.stores.bucket import Bucket, Stored
from tests.stores.server import stores

WAYS = ["keys", "presigned", "web"]


def bring(bucket: Bucket, site: SharedFilesystem, home: Path, way: str, settings: Settings) -> Outcome:
    """Stage the object `x` to the file `in`."""
    with stores(data=bucket) as url:
        where, signed = S3Address(url, "local", "data", "x"), f"{url}/data/x?X-Amz-Signature=geheim"
        ways: dict[str, tuple[S3Address | str, Secret | None]] = {
            "keys": (where, OWNER),
            "presigned": (where, PresignedUrl(signed)),
            "web": (f"{url}/data/x", None),
        }
        source, secret = ways[way]
        return stage_in(source, site, at(home, "in"), Recorder(), settings, secret=secret)


def comes_whole(
    bucket: Bucket, size: int, site: SharedFilesystem, home: Path, *, way: str, settings: Settings
) -> Outcome:
    """Stage an object of so many random bytes, and check that the file has them."""
    bucket.objects["x"] = Stored(data := os.urandom(size))
    found = bring(bucket, site, home, way, settings)
    assert (home / "in").read_bytes() == data
    return found
