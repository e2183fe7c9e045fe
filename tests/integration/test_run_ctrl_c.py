"""Ctrl-C in terminals of 60, 80 and 120 columns, at every request of `run` and `workflow attach`."""

import re
import shlex
from pathlib import Path

import pytest

from tests.held_gateway import RESULT, HeldGateway
from tests.run_command import Run, argv, running, until_taken
from tests.terminal import Screen, Terminal

WIDTHS = pytest.mark.parametrize("width", [60, 80, 120])
RUN = "run", "fft", "a file.csv", "--on", "demo"
CTRL_C = b"\x03"
BEFORE = "GET /infrastructure", "GET /services", "POST dry_run", "PUT object"
ACCEPTED = "POST /workflow", "GET /workflow", "GET object"


def interrupt(run: Run, gateway: HeldGateway, width: int, *words: str) -> tuple[int, str]:
    """Press Ctrl-C at the gateway's moment; return the exit status and the text on the screen."""
    with Terminal(argv(*words), run.env, run.folder, width) as terminal:
        assert gateway.reached.wait(60)
        terminal.press(CTRL_C)
        until_taken(terminal.child.pid)
        if gateway.moment != "GET /workflow":
            gateway.released.set()
        status, drawn = terminal.wait()
    screen = Screen(width)
    screen.draw(drawn)
    return status, "\n".join(screen.lines)


def commands(text: str, width: int) -> list[str]:
    """Return the commands on the screen, over the ends of its lines."""
    whole = "".join(line if len(line) == width else f"{line}\n" for line in text.split("\n"))
    return re.findall(r"hpc-gateway workflow .*", whole)


@WIDTHS
@pytest.mark.parametrize("moment", BEFORE)
def test_before_the_work_is_accepted_nothing_stays(tmp_path: Path, moment: str, width: int) -> None:
    gateway = HeldGateway(moment)
    with running(tmp_path, gateway) as run:
        words = (*RUN, "--param", "fft.window=hann")  # so that it asks for the options of the service
        status, text = interrupt(run, gateway, width, *words)
    assert status == 130, text
    assert "Traceback" not in text
    assert (gateway.rows, gateway.objects, commands(text, width)) == ({}, {}, [])


@WIDTHS
@pytest.mark.parametrize("moment", ACCEPTED)
def test_accepted_work_goes_on_and_the_screen_says_how_to_come_back(
    tmp_path: Path, moment: str, width: int
) -> None:
    gateway = HeldGateway(moment)
    with running(tmp_path, gateway) as run:
        status, text = interrupt(run, gateway, width, *RUN)
        assert status == 130, text
        assert "Traceback" not in text
        [back, *_] = commands(text, width)
        assert back == f"hpc-gateway workflow attach {gateway.accepted('workflow')}"
        gateway.moment = ""
        gateway.released.set()
        run.does(back)
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert (len(gateway.requests), gateway.objects) == (1, {})


@WIDTHS
def test_attach_is_left_and_can_be_repeated(tmp_path: Path, width: int) -> None:
    gateway = HeldGateway()
    with running(tmp_path, gateway) as run:
        started = run.start(*RUN, "--detach")
        out, _ = started.communicate(timeout=60)
        gateway.moment = "GET object"
        back = re.findall(r"hpc-gateway workflow attach .*", out)[0]
        status, text = interrupt(run, gateway, width, *shlex.split(back)[1:])
        assert status == 130, text
        gateway.moment = ""
        gateway.released.set()
        assert back in commands(text, width)
        run.does(back)
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert gateway.objects == {}


@WIDTHS
def test_while_objects_are_removed_the_result_is_there(tmp_path: Path, width: int) -> None:
    gateway = HeldGateway("DELETE object")
    with running(tmp_path, gateway) as run:
        status, text = interrupt(run, gateway, width, *RUN)
    assert status == 0, text
    assert "Traceback" not in text
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert commands(text, width) == []
    for key in gateway.objects:
        assert key in "".join(text.split("\n")), "an object that stays is named"
