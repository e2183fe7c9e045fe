"""Throughput of a transfer, and its estimated end."""

from datetime import UTC, datetime, timedelta

from gateway.transfers.throughput import Throughput

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_nothing_is_known_at_first() -> None:
    assert Throughput().measure(at(0), 10, 100) == (None, None)


def test_rate_and_end() -> None:
    throughput = Throughput()
    throughput.measure(at(0), 0, 1000)
    assert throughput.measure(at(1), 100, 1000) == (100, at(10))
    rate, end = throughput.measure(at(2), 400, 1000)
    assert rate == 160
    assert end == at(2 + 600 / 160)


def test_what_stands_still_has_no_end() -> None:
    throughput = Throughput()
    throughput.measure(at(0), 0, None)
    assert throughput.measure(at(1), 0, 1000) == (0, None)
    assert throughput.measure(at(1), 0, 1000) == (0, None)  # the clock stood still as well
    assert throughput.measure(at(2), 5, None)[1] is None


def test_an_end_beyond_the_calendar_is_none() -> None:
    throughput = Throughput()
    throughput.measure(at(0), 0, 10**30)
    assert throughput.measure(at(1), 1, 10**30) == (1, None)
