"""Entity tags: the `ETag` of a body, and `If-None-Match` (RFC 9110)."""

import re
from hashlib import blake2b

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def entity_tag(body: bytes) -> str:
    """Return the tag of a body."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def names_tag(header: str, tag: str) -> bool:
    """Tell whether an `If-None-Match` names the tag; a header that is malformed names none."""
    return header.strip() == "*" or tag in _TAG.findall(header)
