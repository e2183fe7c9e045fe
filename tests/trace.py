"""A trace of the kernel (strace): each file that a process and its children have opened or executed."""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import absent

_CALLS = "execve,execveat,open,openat,openat2,creat"
_OPENED = re.compile(r"^(?:open|openat|openat2|creat)\(.* = \d+<([^>]*)>(?:\(deleted\))?$")
_FLAGS = re.compile(r"O_(?:WRONLY|RDWR)|^creat\(")
_EXECUTED = re.compile(r'^execve\("([^"]+)".* = 0$')


@dataclass(frozen=True)
class Use:
    """A file that a process used: its path, and whether it was opened for writing."""

    path: Path
    writes: bool


def traced(argv: Sequence[str], folder: Path) -> list[str]:
    """Return the command that runs another one and writes a trace of each of its processes into a folder."""
    strace = shutil.which("strace")
    if strace is None:
        absent("strace")
    return [
        str(strace),
        "-ff",
        "-qqq",
        "-zy",
        "--seccomp-bpf",
        "-e",
        f"trace={_CALLS}",
        "-e",
        "signal=none",
        "-s",
        "4096",
        "-o",
        str(folder / "trace"),
        "--",
        *argv,
    ]


def read_uses(folder: Path) -> set[Use]:
    """Return the files of all traces in the folder."""
    return {use for file in folder.glob("trace.*") for use in _uses(file)}


def _uses(file: Path) -> Iterator[Use]:
    for line in file.read_text(errors="replace").splitlines():
        if found := _EXECUTED.match(line):
            yield Use(Path(found[1]), writes=False)
        elif found := _OPENED.match(line):
            yield Use(Path(found[1]), writes=bool(_FLAGS.search(line)))
