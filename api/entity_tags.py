"""Entity tags: the `ETag` of a body, and `If-None-Match` (RFC 9110)."""

import re
from hashlib import blake2b

from fastapi import Request

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def entity_tag(content: bytes, *, is_weak: bool = False) -> str:
    """Return the tag of a content: weak when a body has more than that."""
    return f'{"W/" if is_weak else ""}"{blake2b(content, digest_size=16).hexdigest()}"'


def known_tags(request: Request) -> str:
    """Return the `If-None-Match` of a request; a list may come in several lines."""
    return ", ".join(request.headers.getlist("if-none-match"))


def names_tag(header: str, tag: str) -> bool:
    """Tell whether an `If-None-Match` names the tag; a header that is malformed names none."""
    return header.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(header)
