"""A gateway that does not answer ends a command within seconds, unless work has begun that is waited for."""

import sys
from pathlib import Path

import pytest

from hpc_gateway_client import gateway, steps
from hpc_gateway_client.commands import main

AWAY = "http://127.0.0.1:1"


class Clock:
    """A clock that sleeping alone moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    "words",
    [
        ("run", "fft", "data.csv", "--on", "demo"),
        ("jobs", "watch", "abcd"),
        ("jobs", "get", "abcd"),
        ("workflow", "attach", "abcd"),
        ("jobs", "list"),
    ],
)
def test_a_wrong_address_is_told_within_seconds(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    for module in (gateway, steps):
        monkeypatch.setattr(module, "time", clock)
    (tmp_path / "data.csv").write_text("x\n1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["hpc-gateway", *words, "--url", AWAY])
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, clock.now < 10) == (5, True)
    assert AWAY in capsys.readouterr().err
