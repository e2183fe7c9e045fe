"""Counts by state: exact, and a few seconds old where a history is long."""

import pytest

from gateway.db import session_scope
from gateway.work import counts
from gateway.work.listing import Filter
from tests.rows import new_transfer

pytestmark = pytest.mark.usefixtures("database")


def count(wanted: Filter | None = None) -> dict[str, int]:
    with session_scope(read_only=True) as session:
        return counts.count_by_state(session.connection(), wanted or Filter(), "s3_data")


def test_a_short_history_is_counted_anew() -> None:
    for number in (1, 2):
        new_transfer()
        assert count() == {"accepted": number}


def test_a_long_history_is_counted_again_after_a_while_for_each_filter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counts, "MANY", 1)
    for _ in range(2):
        new_transfer(owner="ada")
    assert count() == {"accepted": 2}
    new_transfer(owner="ada")
    assert count() == {"accepted": 2}
    assert count(Filter(owner="ada")) == {"accepted": 3}


def test_the_counts_of_a_long_history_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MANY", 0)
    monkeypatch.setattr(counts, "KEPT_S", 0.0)
    for number in (1, 2):
        new_transfer()
        assert count() == {"accepted": number}
