from datetime import UTC, datetime, timedelta

import pytest
import typer

from hpc_gateway_client import GatewayClientError, Refused, StillRunning, Unreachable
from hpc_gateway_client.commands import exit_code, params
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.output import age, size_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30m", timedelta(minutes=30)), ("2h", timedelta(hours=2)), ("7d", timedelta(days=7))],
)
def test_since_is_read_as_people_say_it(text: str, expected: timedelta) -> None:
    moment = parse_since(text)
    assert moment is not None
    assert abs(datetime.now(UTC) - moment - expected) < timedelta(seconds=5)


def test_since_may_be_a_time_with_its_zone() -> None:
    assert parse_since("2026-11-22T08:00:00Z") == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert parse_since("") is None


@pytest.mark.parametrize(
    "text", ["yesterday", "2h30m", "-1h", "2026-11-22T08:00:00", "9999999h", "99999999d", "999999d"]
)
def test_any_other_since_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_since(text)


def test_sizes_and_ages_are_for_people() -> None:
    assert [size_text(n) for n in (None, 0, 999, 1000, 1_400_000, 5 * 10**12)] == [
        "?",
        "0 B",
        "999 B",
        "1.0 kB",
        "1.4 MB",
        "5.0 TB",
    ]
    now = datetime.now(UTC)
    assert [age(now - timedelta(seconds=s)) for s in (0, 90, 7300, 200_000)] == ["0 s", "1 m", "2 h", "2 d"]
    assert age(None) == ""


def test_exit_codes_tell_a_script_what_to_do() -> None:
    errors = (
        Refused(404, "x"),
        Refused(409, "x"),
        Unreachable("x"),
        StillRunning("x"),
        GatewayClientError("x"),
    )
    assert [exit_code(error) for error in errors] == [4, 1, 5, 6, 1]


def test_parameters_are_numbers_where_they_can_be_and_options_go_to_their_service() -> None:
    words = ["num_mpi_procs=2", "fft.window=hann", "fft.sampling_rate=2.5", "root_dir=a=b", "kalman.r=NaN"]
    assert params.parameters(words) == {
        "num_mpi_procs": 2,
        "fft": {"window": "hann", "sampling_rate": 2.5},
        "root_dir": "a=b",
        "kalman": {"r": "NaN"},
    }


@pytest.mark.parametrize("word", ["ranks", "=2", "ranks="])
def test_a_parameter_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(typer.BadParameter):
        params.parameters([word])
