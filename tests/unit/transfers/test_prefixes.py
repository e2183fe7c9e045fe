"""Names below a prefix that are no paths below a folder are refused."""

import pytest

from gateway.errors import StorageError
from gateway.models import Transfer
from gateway.transfers.prefixes import MOST_CHILDREN, PrefixEntry, _check_entries

PARENT = Transfer(kind="s3_data", object="in/", path="x")


@pytest.mark.parametrize("name", ["a//b", "../b", "a/./b", "a/..", "", "/a", "a\0b", "a\udcff"])
def test_names_that_are_no_paths(name: str) -> None:
    with pytest.raises(StorageError, match="no path below a folder"):
        _check_entries(PARENT, [PrefixEntry("good", 1), PrefixEntry(name, 1)])


@pytest.mark.parametrize("name", ["a", "a/b", ".hidden", "größe/x y", "..a", "a\\b"])
def test_names_that_are(name: str) -> None:
    _check_entries(PARENT, [PrefixEntry(name, 1)])


def test_too_many_are_too_many() -> None:
    with pytest.raises(StorageError, match="take smaller parts"):
        _check_entries(PARENT, [PrefixEntry("a", 1)] * (MOST_CHILDREN + 1))
