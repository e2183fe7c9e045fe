"""The judge of a table: a process of the cluster's interpreter that reads the table and nothing else.

It has a fixed environment, no other descriptor, limits of the system and 60 s; its words are hostile input.
"""

import base64
import binascii
import os
import resource
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from pydantic import Field, ValidationError

from gateway.cleaning import clean
from gateway.errors import GatewayError, HandedBack
from gateway.tables.understood import Understood

LONGEST_S = 60.0
_LINE_BYTES = 16 << 20
_SAID_BYTES = 4096
_LIMITS = {
    resource.RLIMIT_DATA: 2 << 30,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 4 << 30,
    resource.RLIMIT_CPU: int(LONGEST_S),
}
_LEAST_PRIORITY = 19
_LOOK_S, _PIECE_BYTES = 0.25, 1 << 20


class NotJudged(GatewayError):
    """The judge gave no judgement; the sentence says why."""

    title = "Not judged"


class Judged(Understood):
    """One line of the judge: the judgement, and the preview in base64."""

    preview: str | None = Field(None, max_length=_LINE_BYTES)

    def preview_bytes(self) -> bytes | None:
        """Return the preview; an unreadable one is none."""
        try:
            return base64.b64decode(self.preview, validate=True) if self.preview else None
        except binascii.Error:
            return None

    def document(self) -> dict[str, object]:
        """Return the judgement as a document for the database."""
        return self.model_dump(exclude={"preview"})


@dataclass(frozen=True)
class JudgeCommand:
    """The interpreter of the judge, and the values that it finds in its environment."""

    python: str
    path: str
    cache: str

    def words(self, name: str) -> list[str]:
        """Return the command line for a table of that name."""
        return [self.python, "-I", "-m", "hpc_kernels", "judge", "--", name or "table"]

    @property
    def environment(self) -> dict[str, str]:
        """All variables of the judge."""
        return {"PATH": self.path, "HPC_KERNELS_CACHE": self.cache, "LC_ALL": "C.UTF-8"}


def run_judge(
    command: JudgeCommand, table: int, name: str, stop: threading.Event, longest_s: float = LONGEST_S
) -> Iterator[Judged]:
    """Yield the judgements of the table in an open file: of its beginning, and of all of it.

    Raises
    ------
    NotJudged
        If the judge cannot be started, fails, or takes too long.
    HandedBack
        If `stop` was set meanwhile.
    """
    with tempfile.TemporaryFile() as said, _started(command, table, name, said) as process:
        for line in _lines(process, stop, time.monotonic() + longest_s):
            yield _parsed(line)
        status = process.wait()
        if status:
            raise NotJudged(_failure(command, status, said))


@contextmanager
def _started(
    command: JudgeCommand, table: int, name: str, said: IO[bytes]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the judge in a folder of its own; kill it and its children at the end."""
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        try:
            process = subprocess.Popen(
                command.words(name),
                stdin=table,
                stdout=subprocess.PIPE,
                stderr=said,
                env=command.environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            raise NotJudged(_no_interpreter(command, (error.strerror or "").lower())) from error
        try:
            _limit(process.pid)
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()


def _limit(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, _LEAST_PRIORITY)
        for which, limit in _LIMITS.items():
            hard = resource.prlimit(pid, which)[1]
            lower = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.prlimit(pid, which, (lower, lower))


def _lines(process: "subprocess.Popen[bytes]", stop: threading.Event, deadline: float) -> Iterator[bytes]:
    """Yield the lines of the judge until it closes its output."""
    rest = b""
    for piece in _pieces(process.stdout, stop, deadline):
        if b"\n" in piece:
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
        else:
            rest += piece
        if len(rest) > _LINE_BYTES:
            raise NotJudged("its judge wrote more than a judgement")


def _pieces(output: IO[bytes] | None, stop: threading.Event, deadline: float) -> Iterator[bytes]:
    """Yield the judge's output; raise NotJudged at the deadline, HandedBack when this process stops."""
    if output is None:
        return
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            if stop.is_set():
                raise HandedBack("the worker stops")
            if time.monotonic() > deadline:
                raise NotJudged(f"its judge gave no answer within {LONGEST_S:g} s")
            if selector.select(_LOOK_S):
                piece = os.read(output.fileno(), _PIECE_BYTES)
                if not piece:
                    return
                yield piece


def _parsed(line: bytes) -> Judged:
    try:
        return Judged.model_validate_json(line)
    except ValidationError:
        raise NotJudged("its judge wrote something else than a judgement") from None


def _failure(command: JudgeCommand, status: int, said: IO[bytes]) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - _SAID_BYTES))
    lines = said.read().decode(errors="replace").strip().splitlines() or [""]
    if "No module named" in lines[-1] and "hpc_kernels" in lines[-1]:
        return _no_interpreter(command, "it has no hpc_kernels")
    if "invalid choice" in lines[-1]:
        return _no_interpreter(command, "its hpc_kernels are of a version that judges no tables")
    if status < 0:
        return f"its judge was ended by {signal.Signals(-status).name}"
    return clean(f"its judge ended with exit code {status}: {lines[-1]}", 500)


def _no_interpreter(command: JudgeCommand, why: str) -> str:
    return (
        f"{command.python} cannot judge tables on the worker's machine ({why}): set GATEWAY_JUDGE_PYTHON to"
        " an interpreter there that has hpc_kernels"
    )
