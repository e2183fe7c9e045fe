"""Reader of sensor tables in Parquet files: a process of its own decodes them, as a broken file aborts it."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BAD_INPUT, BadInputError


def read_parquet(path: Path, share: Callable[[int], range]) -> tuple[list[str], Array]:
    """Return the names of all signals and the signals of a share as an array (signals, samples).

    Raises
    ------
    BadInputError
        With the message of the decoder; rows count from 1.
    """
    ours, its = socket.socketpair()
    command = [sys.executable, "-I", "-m", "hpc_kernels.tables.parquet_decoder", str(path)]
    found = None
    with TemporaryFile() as said, ours:
        with its:
            decoder = subprocess.Popen(command, stdin=its.fileno(), stderr=said)
        with decoder, suppress(ConnectionError):  # the decoder has printed the reason
            found = _request(ours, share)
        if decoder.returncode == 0 and found:
            return found
        said.seek(0)
        raise _failure(path.name, decoder.returncode, said.read().decode(errors="replace").splitlines())


def _request(connection: socket.socket, share: Callable[[int], range]) -> tuple[list[str], Array] | None:
    """Read the names, request the columns of the share and read them; None if the decoder stops early."""
    with connection.makefile("rb") as answers:
        if not (line := answers.readline()):
            return None
        names: list[str] = json.loads(line)
        mine = share(len(names))
        connection.sendall(b"%d %d\n" % (mine.start, mine.stop))
        signals = np.empty((len(mine), int(answers.readline() or 0)))
        rest = signals.reshape(-1).view(np.uint8).data
        while rest and (taken := answers.readinto(rest)):
            rest = rest[taken:]
        return None if rest else (names, signals)


def _failure(file: str, code: int, said: list[str]) -> Exception:
    if code == -signal.SIGKILL:
        return MemoryError(f"{file}: the decoder was killed; it may have lacked memory")
    if code == BAD_INPUT:
        return BadInputError(said[-1])
    words = said[0 if code < 0 else -1] if said else f"exit code {code}"  # an abort prints its reason first
    return BadInputError(f"{file}: not a Parquet file that can be decoded: {words}")
