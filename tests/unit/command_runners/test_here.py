"""The runner of commands on this machine: results, time-outs, limits and left processes."""

import os
import sys

import pytest

from gateway.command_runners.base import CommandOutputTooLarge, CommandsUnavailable, CommandTimedOut
from gateway.command_runners.here import HereRunner

SH = "/bin/sh"


def test_the_exit_status_and_both_outputs_come_back() -> None:
    result = HereRunner().run([SH, "-c", "cat; echo oops >&2; exit 7"], stdin=b"a\xff\0b")
    assert (result.returncode, result.stdout, result.stderr) == (7, b"a\xff\0b", b"oops\n")


def test_a_death_by_signal_is_a_negative_status() -> None:
    assert HereRunner().run([SH, "-c", "kill -9 $$"]).returncode == -9


def test_arguments_reach_the_program_as_they_are() -> None:
    words = ["a b", "$(echo x)", "'", '"', "`id`", "*", "\n", ""]
    result = HereRunner().run([SH, "-c", 'printf "%s|" "$@"', "sh", *words])
    assert result.stdout == "".join(f"{word}|" for word in words).encode()


def test_the_environment_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEUE_FORMAT", "%i")
    monkeypatch.setenv("GATEWAY_SECRET", "x")
    shown = HereRunner({"TZ": "UTC"}).run(["/usr/bin/env"]).stdout.decode()
    assert {line.split("=")[0] for line in shown.splitlines()} == {"PATH", "HOME", "LANG", "TZ"}


def test_a_large_input_and_output_pass_at_once() -> None:
    data = os.urandom(1 << 21)
    assert HereRunner().run(["/bin/cat"], stdin=data).stdout == data


def test_an_input_that_is_not_read_is_no_error() -> None:
    assert HereRunner().run(["/bin/true"], stdin=b"x" * (1 << 21)).returncode == 0


def test_a_silent_program_is_killed_with_its_children_at_its_time() -> None:
    with pytest.raises(CommandTimedOut, match="did not answer within 0.2 s"):
        HereRunner().run([SH, "-c", "sleep 1000 & wait"], timeout_s=0.2)


def test_an_endless_output_ends_at_the_limit() -> None:
    with pytest.raises(CommandOutputTooLarge, match="1,000 bytes"):
        HereRunner().run([SH, "-c", "exec cat /dev/zero"], limit=1000)


def test_an_endless_stderr_ends_at_the_limit() -> None:
    with pytest.raises(CommandOutputTooLarge):
        HereRunner().run([SH, "-c", "exec cat /dev/zero >&2"], limit=1000)


def test_output_of_exactly_the_limit_is_a_result() -> None:
    assert len(HereRunner().run([SH, "-c", "head -c 1000 /dev/zero"], limit=1000).stdout) == 1000


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandsUnavailable, match="no-such-program cannot be run.*install"):
        HereRunner().run(["no-such-program"])


def test_a_process_that_is_left_behind_does_not_hold_the_result() -> None:
    result = HereRunner().run([SH, "-c", "sleep 30 & echo $!"], timeout_s=20)
    os.kill(int(result.stdout), 9)
    assert result.returncode == 0


def test_a_program_that_closes_its_outputs_is_waited_for() -> None:
    script = "import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(5)"
    assert HereRunner().run([sys.executable, "-c", script]).returncode == 5
