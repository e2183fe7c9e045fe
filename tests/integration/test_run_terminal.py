"""`hpc-gateway run` in a terminal: the names of its files stay whole beside the bars."""

from pathlib import Path

import pytest

from tests.held_gateway import RESULT, HeldGateway
from tests.run_command import argv, running
from tests.terminal import Screen, run_in_terminal


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("stem", ["short", "a long name " * 12, "[red]x[/red]" * 3])
def test_the_file_names_stay_on_the_screen(tmp_path: Path, width: int, stem: str) -> None:
    stem = stem.strip().replace("/", ":")
    with running(tmp_path, HeldGateway()) as run:
        (tmp_path / f"{stem}.csv").write_text("x\n1\n", encoding="utf-8")
        words = argv("run", "fft", f"{stem}.csv", "--on", "demo")
        status, lines = run_in_terminal(words, run.env, tmp_path, width)
    assert status == 0, lines
    name = f"{stem}_fft.csv"
    assert (tmp_path / name).read_bytes() == RESULT
    text = "".join(line.ljust(width) for line in lines)
    assert name in text, lines
    assert any("━" in line or "0:00:0" in line for line in lines), "the bars are there as well"


def test_without_a_terminal_a_name_is_one_line(tmp_path: Path) -> None:
    stem = "a long name " * 12
    with running(tmp_path, HeldGateway()) as run:
        (tmp_path / f"{stem}.csv").write_text("x\n1\n", encoding="utf-8")
        process = run.start("run", "fft", f"{stem}.csv", "--on", "demo")
        _, err = process.communicate(timeout=60)
    assert err == f"{stem}_fft.csv\n"


def test_a_reason_that_looks_like_markup_is_shown_as_it_is(tmp_path: Path) -> None:
    gateway = HeldGateway(reason="no space [/red] on [disk]")
    with running(tmp_path, gateway) as run:
        words = argv("run", "fft", "a file.csv", "--on", "demo")
        status, lines = run_in_terminal(words, run.env, tmp_path, 200)
    assert status == 0, lines


def test_the_screen_of_these_tests_overwrites_as_a_terminal_does() -> None:
    screen = Screen(5)
    screen.draw("abcdefg\r\n\x1b[1mxy\x1b[0m\r\x1b[2Kz\x1b[1A\rq")
    assert screen.lines == ["abcde", "qg", "z"]
