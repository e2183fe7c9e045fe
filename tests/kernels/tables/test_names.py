"""Compact signal names: a sequence equal to a list of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hpc_kernels.tables.names import SignalNames


@given(some.lists(some.text(), min_size=1))
def test_any_names_are_unchanged(names: list[str]) -> None:
    names = [name.encode("utf-8", "replace").decode() for name in names]
    assert list(SignalNames.from_strings(names)) == names
    assert SignalNames.from_strings(names).longest == max(len(name.encode()) for name in names)


def test_it_is_a_sequence() -> None:
    names = SignalNames(b"a;;caf\xc3\xa9;\xff", b";")
    assert list(names) == ["a", "", "café", "\udcff"] == [names[i] for i in range(4)]
    assert names[-2] == "café"
    assert names[1:3] == ["", "café"]
    assert "a" in names
    for i in (4, -5):
        with pytest.raises(IndexError):
            names[i]


def test_a_row_that_needs_nothing_done() -> None:
    assert SignalNames(b"a;;b", b";").header_line(b";") == b"a;;b"
    assert SignalNames(b"a,b", b",").header_line(b";") is None
    assert SignalNames.from_strings(["a", "b"]).header_line(b";") is None
    for odd in (b'a;b"', b"a;b\r", b"\n;b"):
        assert SignalNames(odd, b";").header_line(b";") is None


def test_more_than_are_looked_at_together() -> None:
    many = [f"s{i}" for i in range(10_000)]
    assert list(SignalNames(";".join(many).encode(), b";")) == many == list(SignalNames.from_strings(many))
