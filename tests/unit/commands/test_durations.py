"""Times to wait, as they are typed."""

import pytest
import typer

from hpc_gateway_client.commands.durations import parse_timeout


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("0.5", 0.5), ("90", 90), ("90s", 90), ("2h", 7200)])
def test_a_time_to_wait(text: str, seconds: float) -> None:
    assert parse_timeout(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e999", "10 m", "m", "10M", "1.5h"])
def test_another_text_is_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a time such as"):
        parse_timeout(text)
