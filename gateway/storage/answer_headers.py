"""Headers of an answer that describe a file: its version, the end of its body, and the form that it is in."""

import re
from collections.abc import Mapping


def content_version(headers: Mapping[str, str]) -> str:
    """Return the version of a content: a strong ETag, or else the time of the last change."""
    etag = headers.get("etag", "")
    return headers.get("last-modified", "") if etag.startswith("W/") or not etag else etag


def is_delimited(headers: Mapping[str, str]) -> bool:
    """Return whether the body has an end of its own, and does not just end with the connection."""
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def packing_warnings(headers: Mapping[str, str]) -> list[str]:
    """Return the warning for a body in a content coding; `aws-chunked` is the mark of a former upload."""
    codings = re.findall(r"[a-z-]+", headers.get("content-encoding", "")[:100].lower())
    packed = [coding for coding in codings if coding not in {"aws-chunked", "identity"}]
    if not packed:
        return []
    found = f"the file is packed (Content-Encoding: {', '.join(packed)}) and was kept as it came"
    return [f"{found}: unpack it, or store it without that header"]
