"""`hpc-gateway run` in a folder of its own, against a gateway that is held at a moment."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.held_gateway import BUCKET, HeldGateway
from tests.polling import until
from tests.servers import served

Process = subprocess.Popen[str]
Command = Callable[..., tuple[int, str, str]]
"""A command of this process: its words to its exit status, stdout and stderr."""


def argv(*words: str) -> list[str]:
    """Return the command line of `hpc-gateway`."""
    return [sys.executable, "-m", "hpc_gateway_client", *words]


def interrupt(process: Process, number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal, and return when the process has got it."""
    process.send_signal(number)
    until_taken(process.pid, number)


def until_taken(pid: int, number: signal.Signals = signal.SIGINT) -> None:
    """Wait until the process has got a signal."""
    status = Path(f"/proc/{pid}/status")

    def got() -> bool:
        pending = re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)", status.read_text(), re.MULTILINE)
        return not any(int(mask, 16) & (1 << (number - 1)) for mask in pending)

    until("the signal has arrived", got)


class Run:
    """A folder with an input, and the commands that a user gives there."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder, self._base = folder, base
        self.more_env: dict[str, str] = {}
        (folder / "a file.csv").write_text("x\n1\n", encoding="utf-8")

    @property
    def env(self) -> dict[str, str]:
        """The settings of the client and the store."""
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GATEWAY_"))
        }
        return ours | {
            "GATEWAY_URL": self._base,
            "GATEWAY_BUCKET": BUCKET,
            "AWS_ENDPOINT_URL": self._base,
            "AWS_ACCESS_KEY_ID": "access",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    def start(self, *words: str) -> Process:
        """Start a command."""
        return subprocess.Popen(
            argv(*words),
            cwd=self.folder,
            env=self.env | self.more_env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def workflow(self) -> Process:
        """Start the whole workflow."""
        return self.start("run", "fft", "a file.csv", "--on", "demo")

    def does(self, command: str) -> str:
        """Carry out a command that was printed, and return its stderr."""
        process = self.start(*shlex.split(command)[1:])
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return err


@contextmanager
def running(folder: Path, gateway: HeldGateway) -> Iterator[Run]:
    with served(gateway.app) as base:
        try:
            yield Run(folder, base)
        finally:
            gateway.released.set()
