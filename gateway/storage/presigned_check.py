"""Presigned URLs judged by their text: each must lead to the very object that the request names."""

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from gateway.egress.policy import check_endpoint, port_of
from gateway.errors import Invalid
from gateway.settings import get_settings
from gateway.storage.address import PresignedUrl

FIELD = "presigned_url"
_SIGNATURES = frozenset({"X-Amz-Signature", "Signature"})  # versions 4 and 2


def check_presigned(secret: PresignedUrl, endpoint: str, bucket: str, key: str) -> None:
    """Raise Invalid unless the URL is a signed one of that object; no message holds any of it.

    The status shows endpoint, bucket and object, so they must be true; and the policy for connections,
    which has judged the endpoint, judges the URL as well.
    """
    check_endpoint(secret.url, get_settings().allowed_endpoints, FIELD)
    if key.endswith("/"):
        raise Invalid("a presigned URL is of one object, and this one's name ends in '/'", field=FIELD)
    asked, store = urlsplit(secret.url), urlsplit(endpoint)
    if asked.fragment or not _SIGNATURES & parse_qs(asked.query).keys():
        raise Invalid("the URL carries no signature: presign it with the store's SDK", field=FIELD)
    if not _is_of(asked, store, bucket, key):
        raise Invalid("the URL does not lead to this object in this bucket at this endpoint", field=FIELD)


def _is_of(asked: SplitResult, store: SplitResult, bucket: str, key: str) -> bool:
    """Tell whether the URL is the object's, in one of the two ways of addressing a bucket."""
    if (asked.scheme, port_of(asked)) != (store.scheme, port_of(store)):
        return False
    by_path = (store.hostname, f"{store.path.rstrip('/')}/{bucket}/{key}")
    by_host = (f"{bucket}.{store.hostname}".lower(), f"/{key}")
    return (asked.hostname, unquote(asked.path)) in {by_path, by_host}
