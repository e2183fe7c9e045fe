"""The check of a presigned URL by its text: it must lead to the very object that the request names."""

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from gateway.egress.policy import check_endpoint, port_of
from gateway.errors import Invalid
from gateway.settings import get_settings
from gateway.storage.address import PresignedUrl

FIELD = "presigned_url"
_SIGNATURES = frozenset({"X-Amz-Signature", "Signature", "X-Goog-Signature", "x-oss-signature"})


def check_presigned(secret: PresignedUrl, endpoint: str, bucket: str, key: str) -> None:
    """Raise Invalid unless the URL is a signed one of that object; no message holds any of it.

    The status shows endpoint, bucket and object, so they must be true; and the policy for connections,
    which has judged the endpoint, judges the URL as well.
    """
    check_endpoint(secret.url, get_settings().allowed_endpoints, FIELD)
    if key.endswith("/"):
        raise Invalid("a presigned URL is of one object, and this one's name ends in '/'", field=FIELD)
    url, store = urlsplit(secret.url), urlsplit(endpoint)
    if url.fragment or not _SIGNATURES & parse_qs(url.query).keys():
        raise Invalid("the URL carries no signature: presign it with the store's SDK", field=FIELD)
    if not _leads_to(url, store, bucket, key):
        raise Invalid("the URL does not lead to this object in this bucket at this endpoint", field=FIELD)


def _leads_to(url: SplitResult, store: SplitResult, bucket: str, key: str) -> bool:
    """Return whether the URL is the object's, in one of the two ways of addressing a bucket."""
    if (url.scheme, port_of(url)) != (store.scheme, port_of(store)):
        return False
    by_path = (store.hostname, f"{store.path.rstrip('/')}/{bucket}/{key}")
    by_host = (f"{bucket}.{store.hostname}".lower(), f"/{key}")
    return (url.hostname, unquote(url.path)) in {by_path, by_host}
