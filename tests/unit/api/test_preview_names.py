"""The names of signals in the query of a preview."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.schemas.tables import _view
from gateway.errors import Invalid


def names(text: str | None) -> list[str] | None:
    found = asyncio.run(_view(2000, text)).signals
    return None if found is None else list(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("a", ["a"]),
        ("a,b c", ["a", "b c"]),
        ('"a,b",c', ["a,b", "c"]),
        ('c,"say ""x"", y"', ["c", 'say "x", y']),
        ('"a', ['"a']),
        ('"a"b,c', ['"a"b', "c"]),
        ("a,", ["a", ""]),
        ("a\r\nb,\0", ["a\r\nb", "\0"]),
    ],
)
def test_names_stand_between_commas_or_in_quotes(text: str | None, expected: list[str] | None) -> None:
    assert names(text) == expected


@given(st.lists(st.text(max_size=8), min_size=1, max_size=10).filter(any))
def test_any_names_can_be_written(wanted: list[str]) -> None:
    assert names(",".join('"{}"'.format(each.replace('"', '""')) for each in wanted)) == wanted


def test_no_more_than_64() -> None:
    with pytest.raises(Invalid, match="signals: expected at most 64 names, found 65"):
        names("," * 64)
