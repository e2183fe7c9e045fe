"""The check of a signature (AWS version 4) over the signed headers, as a store makes it."""

import hashlib
import hmac
import re
from urllib.parse import quote

from tests.stores.bucket import Request

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


def region_of(request: Request) -> str:
    """Return the region that the request was signed for."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    return found[3] if found else ""


def is_signed(request: Request, secret_key: str, *names: str) -> bool:
    """Return whether the signature is right and covers the headers of these names."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if not found or not {"host", *names} <= {*found[4].split(";")}:
        return False
    _, day, region, signed, signature = found.groups()
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed.split(";"))
    query = "&".join(
        f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(request.query.items())
    )
    payload = request.headers["x-amz-content-sha256"]
    parts = request.method, request.path.partition("?")[0], query, headers, signed, payload
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    scope = f"{day}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for piece in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signature)
