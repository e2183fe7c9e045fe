"""A terminal of a given width: it runs a command, and shows the text that stays on its screen."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

TOKENS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|([\r\n])|([^\x1b\r\n])")
ROWS = 60


class Screen:
    """The lines of a screen, as the control sequences of a progress display leave them."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lines: list[list[str]] = [[]]
        self._row = self._column = 0

    @property
    def lines(self) -> list[str]:
        """The lines, without blanks at their ends."""
        return ["".join(line).rstrip() for line in self._lines]

    def draw(self, text: str) -> None:
        """Carry out a text with its control sequences."""
        for count, command, control, letter in TOKENS.findall(text):
            if letter:
                self._put(letter)
            elif control == "\n":
                self._go_to(self._row + 1)
            elif control or command == "G":
                self._column = 0
            elif command == "A":
                self._go_to(self._row - int(count or 1))
            elif command == "K":
                self._lines[self._row] = [] if count == "2" else self._lines[self._row][: self._column]

    def _put(self, letter: str) -> None:
        if self._column == self._width:
            self._go_to(self._row + 1)
            self._column = 0
        line = self._lines[self._row]
        line += " " * (self._column + 1 - len(line))
        line[self._column] = letter
        self._column += 1

    def _go_to(self, row: int) -> None:
        self._row = max(0, row)
        while len(self._lines) <= self._row:
            self._lines.append([])


def run_in_terminal(
    argv: Sequence[str], env: Mapping[str, str], folder: Path, width: int
) -> tuple[int, list[str]]:
    """Run a command in a terminal; return its exit status and the lines that are left on the screen."""
    status, drawn = draw_in_terminal(argv, env, folder, width)
    screen = Screen(width)
    screen.draw(drawn)
    return status, screen.lines


def draw_in_terminal(
    argv: Sequence[str], env: Mapping[str, str], folder: Path | None = None, width: int = 0
) -> tuple[int, str]:
    """Run a command in a terminal; return its exit status and all that it draws. Width 0 is unknown to it."""
    with Terminal(argv, env, folder, width) as terminal:
        return terminal.wait()


class Terminal:
    """A command in a terminal of its own, whose keys a test presses."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], folder: Path | None = None, width: int = 0
    ) -> None:
        self._leader, follower = pty.openpty()
        size = struct.pack("HHHH", ROWS if width else 0, width, 0, 0)
        fcntl.ioctl(follower, termios.TIOCSWINSZ, size)
        self._drawn = b""
        self.child = subprocess.Popen(
            argv,
            cwd=folder,
            env={**env, "TERM": "xterm-256color"},
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  its keys are signals to the command
        )
        os.close(follower)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self._reader.join()
        os.close(self._leader)

    def press(self, keys: bytes) -> None:
        """Press keys; `\x03` is Ctrl-C."""
        os.write(self._leader, keys)

    def wait(self) -> tuple[int, str]:
        """Wait for the end of the command; return its exit status and all that it has drawn."""
        status = self.child.wait(timeout=120)
        self._reader.join()
        return status, self._drawn.decode()

    def _read(self) -> None:
        with suppress(OSError):  # the last process that had the terminal open has closed it
            while piece := os.read(self._leader, 65536):
                self._drawn += piece


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
