"""URLs of buckets: the bucket's name in the path, or in the host's name."""

import re
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from botocore.utils import check_dns_name

from gateway.errors import Fault, StorageError
from gateway.storage.address import S3Address

_BUCKET = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")  # as boto3 has it


def check_names(address: S3Address) -> None:
    """Raise StorageError when no store could have a bucket of that name, or an object without one."""
    if not _BUCKET.fullmatch(address.bucket) or not address.key:
        raise StorageError("the store's client refuses bucket or object: check both", Fault.NAME)


def can_be_in_host(address: S3Address) -> bool:
    """Return whether the bucket's name can stand before the host's: no name can stand before a number."""
    with suppress(ValueError):
        ip_address((urlsplit(address.endpoint).hostname or "").rstrip("."))
        return False
    return check_dns_name(address.bucket)


def bucket_url(address: S3Address, *, virtual_hosted: bool) -> str:
    """Return the bucket's URL: its name in the path, or in the host's name where that can hold it."""
    store = urlsplit(address.endpoint)
    path = store.path.rstrip("/")
    if virtual_hosted and can_be_in_host(address):
        return urlunsplit((store.scheme, f"{address.bucket}.{store.netloc}", path, "", ""))
    return urlunsplit((store.scheme, store.netloc, f"{path}/{address.bucket}", "", ""))


def split_bucket(url: str, bucket: str) -> tuple[str, bool]:
    """Return the store's URL of a bucket's, and whether the bucket is in the host's name."""
    parts = urlsplit(url)
    if parts.path.endswith(f"/{bucket}"):
        return _store(parts, path=parts.path.removesuffix(f"/{bucket}")), False
    return _store(parts, netloc=parts.netloc.removeprefix(f"{bucket}.")), True


def _store(parts: SplitResult, **changed: str) -> str:
    return urlunsplit(parts._replace(**changed))
