"""Prefixes of stores whose listings differ from S3's: all that the store has, or an error that blames it."""

from contextlib import closing
from itertools import repeat

import pytest

from gateway.errors import StorageError
from gateway.storage.address import Credentials, S3Address
from gateway.storage.opening import open_prefix
from gateway.transfers.staging.listing import list_objects
from tests.staging import SETTINGS, Recorder
from tests.stores import listings
from tests.stores.bucket import Stored
from tests.stores.server import stores

NAMES = [f"{number:04}" for number in range(2500)]


def _list(bucket: listings.Listing, *names: str) -> list[str]:
    bucket.objects |= zip((f"in/{name}" for name in names), repeat(Stored(b"x")), strict=False)
    with stores(data=bucket) as url:
        address = S3Address(url, "local", "data", "in/")
        with closing(open_prefix(address, Credentials("me", "geheim"), SETTINGS)) as prefix:
            return [name for name, _ in list_objects(prefix, Recorder(), 50_000)]


@pytest.mark.parametrize(
    "kind",
    [
        listings.Listing,
        listings.Version1,
        listings.Version1WithoutMarker,
        listings.WithoutToken,
        listings.Capital,
        listings.Unsaid,
        listings.UnsaidWithoutToken,
    ],
)
@pytest.mark.parametrize("count", [1, 1000, 2500])
def test_a_listing_holds_all_that_the_store_has(kind: type[listings.Listing], count: int) -> None:
    assert _list(kind(), *NAMES[:count]) == NAMES[:count]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (listings.OnlyFirstPage, "names '0000' twice"),
        (listings.Repeating, "names '0000' twice"),
        (listings.Looping, "names the same next page twice"),
        (listings.Unordered, "goes on but names no next page"),
        (listings.EveryVersion, "names '0000' twice"),
        (listings.Escaping, "names 'other/a', which is not below 'in/'"),
        (listings.Unsized, "gives no size of 'in/0000'"),
        (listings.Page, "is <'html'> and no list of objects"),
        (listings.Blank, "is empty"),
    ],
)
def test_a_listing_that_cannot_be_complete_is_an_error_of_the_store(
    kind: type[listings.Listing], says: str
) -> None:
    with pytest.raises(
        StorageError, match=f"the listing of the store at http.* {says}: check endpoint"
    ) as caught:
        _list(kind(), *NAMES)
    assert not caught.value.transient


ODD = ["a b", "a+b", "a%20b", "a%2Bb", "ü&<>\"'", "+", "b ", "~"]


@pytest.mark.parametrize("kind", [listings.Listing, listings.RawPlus])
@pytest.mark.parametrize("names", [ODD, ["a+b"], ["a b"], ["a+b", "c"], ["a b", "a+b"]], ids=repr)
def test_a_plus_and_a_blank_are_told_apart(kind: type[listings.Listing], names: list[str]) -> None:
    assert sorted(_list(kind(), *names)) == sorted(names)


def test_marks_of_folders_and_of_deletions_are_no_objects() -> None:
    assert _list(listings.Versions(), "a", "b") == ["a", "b"]
