"""Listings of uploads and parts, page by page: each page must lead to a new one, and they have an end."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.egress.bounds import LISTING_PAGES, LISTING_S
from gateway.errors import StorageError
from gateway.storage.address import S3Address
from gateway.storage.s3.errors import readable_answers, store_errors

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
            raise listing_error(address, "goes on but names no next page")
        if (place := hash(tuple(more.items()))) in seen:
            raise listing_error(address, "names the same next page twice")
        seen.add(place)
        if time.monotonic() > end:
            raise listing_error(address, f"has no end after {LISTING_S:g} s")
    raise listing_error(address, f"has more than {LISTING_PAGES} pages")


def listing_error(address: S3Address, found: str) -> StorageError:
    """Return the error for a listing that blames its store."""
    return StorageError(f"the listing of the store at {address.endpoint} {found}: check endpoint")
