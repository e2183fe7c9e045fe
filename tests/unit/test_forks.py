"""Forks of a supervisor: processes of their own, told apart by name, and stopped as others are."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.polling import until

HEAD = """
import json, os, signal, sys, time
from gateway.supervision import Supervisor
def handle(*_): sys.exit("the handler of the parent")
signal.signal(signal.SIGTERM, handle)
"""
TELLS = """
with Supervisor() as children:
    if children.fork("a name of a fork"):
        told = [open("/proc/self/comm").read().strip(), os.getpgid(0) == os.getpid(), sys.stdin.read()]
        told += [signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, children.ended()]
        told += [list(signal.pthread_sigmask(signal.SIG_BLOCK, ()))]
        print(json.dumps(told))
        sys.exit(7)
    print(json.dumps(children.wait()))
"""
STAYS = """
with Supervisor() as children:
    for name in ("one", "two"):
        if children.fork(name):
            while True: time.sleep(60)
    print("forked", flush=True)
    {then}
print("stopped", flush=True)
"""


def start(code: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", HEAD + code]
    folder = Path(__file__).parents[2]
    return subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_fork_is_a_process_of_its_own_and_its_end_is_told() -> None:
    out, _ = start(TELLS).communicate("of the parent", timeout=60)
    fork, parent = (json.loads(line) for line in out.splitlines())
    assert fork == ["a name of a for", True, "", True, None, []]
    assert parent == ["a name of a fork", 7]


def test_forks_are_stopped_at_the_end_of_the_block() -> None:
    process = start(STAYS.format(then="pass"))
    out, _ = process.communicate(timeout=60)
    assert out.split() == ["forked", "stopped"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_fork_outlives_its_parent(number: signal.Signals) -> None:
    with start(STAYS.format(then="time.sleep(60)")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "forked\n"
        forks = psutil.Process(process.pid).children()
        assert len(forks) == 2
        until("the forks have their names", lambda: [_name(fork) for fork in forks] == ["one", "two"])
        process.send_signal(number)
        until("the forks have ended", lambda: not any(_runs(fork) for fork in forks))


def _name(process: psutil.Process) -> str:
    return psutil.Process(process.pid).name()  # one object keeps the first name that it has read


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
