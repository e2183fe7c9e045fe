"""Listings of a store, page by page: each page must lead to a new one, and all of them have an end."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.egress.bounds import KEY_BYTES, LARGEST_FILE_BYTES, LISTING_PAGES, LISTING_S
from gateway.errors import StorageError
from gateway.storage.address import S3Address
from gateway.storage.s3.errors import readable_answers, store_errors

OBJECTS = {"NextContinuationToken": "ContinuationToken"}
UPLOADS = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}
PARTS = {"NextPartNumberMarker": "PartNumberMarker"}


def list_pages(
    call: Callable[..., Any], marks: Mapping[str, str], address: S3Address, **asked: object
) -> Iterator[Any]:
    """Yield the pages that the call returns; `marks` maps a page's marks to the next request's parameters.

    Raises
    ------
    StorageError
        When the store names no next page or one that it has named before, or comes to no end.
    """
    end, seen, more = time.monotonic() + LISTING_S, set[int](), dict[str, object]()
    for _ in range(LISTING_PAGES):
        with store_errors(address), readable_answers(address):
            page = call(**asked, **more)
        yield page
        if not page.get("IsTruncated"):
            return
        more = {name: page[mark] for mark, name in marks.items() if page.get(mark) not in {None, ""}}
        if not more:
            raise _error(address, "goes on but names no next page")
        if (place := hash(tuple(more.items()))) in seen:
            raise _error(address, "names the same next page twice")
        seen.add(place)
        if time.monotonic() > end:
            raise _error(address, f"has no end after {LISTING_S:g} s")
    raise _error(address, f"has more than {LISTING_PAGES} pages")


def read_entry(found: Mapping[str, Any], address: S3Address) -> tuple[str, int]:
    """Return name, after the listed prefix, and size of a listed object."""
    key, size = found.get("Key"), found.get("Size")
    if not isinstance(key, str) or not key.startswith(address.key):
        raise _error(address, f"names {_shorten(key)}, which is not below {address.key!r}")
    if len(key.encode(errors="replace")) > KEY_BYTES:
        raise _error(address, f"names {_shorten(key)}, which is longer than {KEY_BYTES} bytes")
    if not isinstance(size, int) or not 0 <= size <= LARGEST_FILE_BYTES:
        raise _error(address, f"gives {_shorten(size)} as the size of {_shorten(key)}")
    return key[len(address.key) :], size


def _shorten(found: object) -> str:
    return repr(found)[:100]


def _error(address: S3Address, found: str) -> StorageError:
    return StorageError(f"the listing of the store at {address.endpoint} {found}: check endpoint")
