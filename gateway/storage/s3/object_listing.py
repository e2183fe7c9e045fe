"""The listing of the objects below a prefix, complete or an error.

Not every store has the second version of S3's listing, names the next page, or encodes names as S3 does. So
each request carries the marks of both versions, a truncated page without a mark is followed from its last
key, and no name may come twice.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus
from xml.etree.ElementTree import Element, ParseError, fromstring

from gateway.egress.bounds import KEY_BYTES, LARGEST_FILE_BYTES, LISTING_PAGES, LISTING_S
from gateway.errors import StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.s3.errors import readable_answers, store_error
from gateway.storage.s3.listings import listing_error

PAGE_KEYS = 1000  # that S3 sends at most
Query = Mapping[str, str]
Fetch = Callable[[Query], bytes]


class ListedPage(NamedTuple):
    """A page: keys with sizes, the mark of the next page, and whether there is one (None: unsaid)."""

    entries: Sequence[tuple[str, int]]
    mark: Query
    is_truncated: bool | None


def read_listing(fetch: Fetch, address: S3Address) -> Iterator[tuple[str, int]]:
    """Yield the name after the prefix and the size of each object; `fetch` returns a page's XML.

    Raises
    ------
    StorageError
        When a page is no listing, names an object twice or leads nowhere, or the pages come to no end.
    """
    listing, end = _Listing(fetch, address), time.monotonic() + LISTING_S
    for _ in range(LISTING_PAGES):
        yield from listing.read_page()
        if listing.is_over:
            return
        if time.monotonic() > end:
            raise listing_error(address, f"has no end after {LISTING_S:g} s")
    raise listing_error(address, f"has more than {LISTING_PAGES} pages")


class _Listing:
    """The pages so far, and the place of the next one."""

    def __init__(self, fetch: Fetch, address: S3Address) -> None:
        self._fetch, self._address = fetch, address
        self._mark: Query = {}
        self._marks, self._names = set[int](), set[str]()
        self._is_guess, self.is_over = False, False

    def read_page(self) -> list[tuple[str, int]]:
        """Return the objects of the next page."""
        page = read_page(self._fetch, self._mark, self._address)
        found = [_split(key, size, self._address) for key, size in page.entries]
        objects = [(name, size) for name, size in found if not _is_folder(self._address, name, size)]
        if self._is_guess and len(found) < PAGE_KEYS and self._names.issuperset(name for name, _ in objects):
            self.is_over = True  # the store did not say that there is more, and has no more
            return []
        self._take_names(name for name, _ in objects)
        self._go_on(page)
        return objects

    def _take_names(self, names: Iterator[str]) -> None:
        for name in names:
            if name in self._names:
                raise listing_error(self._address, f"names {_shorten(name)} twice")
            self._names.add(name)

    def _go_on(self, page: ListedPage) -> None:
        """Set the mark of the next page."""
        self._is_guess = page.is_truncated is None and not page.mark
        self.is_over = page.is_truncated is False or (self._is_guess and not page.entries)
        if self.is_over:
            return
        self._mark = page.mark or self._last_key(page)
        if (place := hash(tuple(self._mark.items()))) in self._marks:
            raise listing_error(self._address, "names the same next page twice")
        self._marks.add(place)

    def _last_key(self, page: ListedPage) -> Query:
        keys = [key for key, _ in page.entries]
        before = self._mark.get("marker", "")
        ordered = [key.encode(errors="replace") for key in (before, *keys)]
        if not keys or ordered != sorted(ordered):
            raise listing_error(self._address, "goes on but names no next page")
        return {"start-after": keys[-1], "marker": keys[-1]}


def read_page(fetch: Fetch, mark: Query, address: S3Address) -> ListedPage:
    """Return a page of the listing."""
    asked = {"list-type": "2", "prefix": address.key, **mark}
    page = _parse(fetch({**asked, "encoding-type": "url"}), address)
    if _text(page, "EncodingType") != "url":
        return _read(page, str, address)
    keys = [_text(each, "Key") or "" for each in page.iterfind("Contents")]
    return _read(page, _choose_decoder(keys, lambda: _parse(fetch(asked), address)), address)


def _choose_decoder(keys: Sequence[str], ask_again: Callable[[], Element]) -> Callable[[str], str]:
    """Return the decoder of the keys: a `+` is a blank to S3, and a `+` to some stores.

    Where the page itself does not show it, the page without encoding does.
    """
    if not any("+" in key for key in keys) or any("%2B" in key.upper() for key in keys):
        return unquote_plus
    if any("%20" in key for key in keys):
        return unquote
    plain = {_text(each, "Key") for each in ask_again().iterfind("Contents")}
    return unquote if plain.issuperset(map(unquote, keys)) else unquote_plus


def _parse(body: bytes, address: S3Address) -> Element:
    """Return the page's tree, with names without their namespace."""
    try:
        page = fromstring(body)  # noqa: S314  its depth, nodes and texts are checked, and it has no document type
    except ParseError:
        raise _unreadable(body, address) from None
    for each in page.iter():
        each.tag = each.tag.rpartition("}")[2]
    if page.tag == "Error":  # with the status of a success
        failure = {"Error": {"Code": _text(page, "Code")}, "ResponseMetadata": {"HTTPStatusCode": 500}}
        raise store_error(failure, address)
    if page.tag != "ListBucketResult":
        raise listing_error(address, f"is <{_shorten(page.tag)}> and no list of objects")
    return page


def _unreadable(body: bytes, address: S3Address) -> Exception:
    if re.search(rb"</[\w:]*ListBucketResult>\s*$", body[-KEY_BYTES:]):
        return listing_error(address, "has a name that XML cannot hold, and is not encoded as asked")
    if b"ListBucketResult" in body[:KEY_BYTES]:
        return StorageUnavailable(f"the listing of {address.endpoint} was cut short; it is tried again")
    found = "is empty" if not body.strip() else "is no XML"
    return listing_error(address, found)


def _read(page: Element, decode: Callable[[str], str], address: S3Address) -> ListedPage:
    with readable_answers(address):
        entries = [_entry(each, decode) for each in page.iterfind("Contents")]
    truncated = _text(page, "IsTruncated")
    is_truncated = None if truncated is None else truncated.strip().lower() != "false"
    token, marker = _text(page, "NextContinuationToken"), _text(page, "NextMarker")
    if token:
        return ListedPage(entries, {"continuation-token": token}, is_truncated)
    return ListedPage(entries, {"marker": decode(marker)} if marker else {}, is_truncated)


def _entry(found: Element, decode: Callable[[str], str]) -> tuple[str, int]:
    """Return key and size, -1 where there is none; a key without a text is not below any prefix."""
    key, size = _text(found, "Key"), _text(found, "Size")
    return "" if key is None else decode(key), -1 if size is None else int(size)


def _split(key: str, size: int, address: S3Address) -> tuple[str, int]:
    """Return name, after the listed prefix, and size of a listed object."""
    if not key.startswith(address.key):
        raise listing_error(address, f"names {_shorten(key)}, which is not below {address.key!r}")
    if len(key.encode(errors="replace")) > KEY_BYTES:
        raise listing_error(address, f"names {_shorten(key)}, which is longer than {KEY_BYTES} bytes")
    if not 0 <= size <= LARGEST_FILE_BYTES:
        told = "no size" if size == -1 else f"{_shorten(size)} as the size"
        raise listing_error(address, f"gives {told} of {_shorten(key)}")
    return key[len(address.key) :], size


def _is_folder(address: S3Address, name: str, size: int) -> bool:
    """Return whether it is an empty object with which some tools mark a folder."""
    return not size and f"{address.key}{name}".endswith("/")


def _text(element: Element, name: str) -> str | None:
    found = element.find(name)
    return None if found is None else found.text or ""


def _shorten(found: object) -> str:
    return repr(found)[:100]
