"""Reader of sensor tables in Parquet files: a process of its own decodes them, as a broken file aborts it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BAD_INPUT, BadInputError
from hpc_kernels.tables.bounds import LONGEST_HEADER, check_columns
from hpc_kernels.tables.granted_memory import granted_bytes
from hpc_kernels.tables.memory import TableSize, allocate_signals

_DECODER = "hpc_kernels.tables.parquet_decoder"
_ANSWER_S = 60  # without a byte of the decoder
LIBRARIES_BYTES = 1 << 29  # of the decoder's libraries and buffers, beside the columns themselves
_SAID_BYTES = 1 << 16  # of the decoder's messages


class ParquetTable:
    """An open table: names of the signals, and the decoder process that sends the columns of a request.

    Raises
    ------
    BadInputError
        With the message of the decoder; rows count from 1.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.name
        self._most_bytes = LIBRARIES_BYTES + granted_bytes()
        self._said = TemporaryFile()  # noqa: SIM115 (closed with the table)
        self._connection, its = socket.socketpair()
        self._connection.settimeout(_ANSWER_S)
        with its:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", _DECODER, str(path), str(self._most_bytes)],
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                env=_environment(),
            )
        self._answers = self._connection.makefile("rb")
        self.names, self._rows = self._header()

    @property
    def size(self) -> TableSize:
        """The size of the table as the file states it."""
        return TableSize(self._rows * len(self.names), len(self.names))

    def read(self, mine: range) -> Array:
        """Return some columns as an array (signals, samples)."""
        signals = allocate_signals(self._file, len(mine), self._rows)
        try:
            self._connection.sendall(b"%d %d\n" % (mine.start, mine.stop))
            rest = signals.reshape(-1).view(np.uint8).data
            while rest and (taken := self._answers.readinto(rest)):
                rest = rest[taken:]
        except OSError as error:
            raise self._failure(error) from error
        if rest:
            raise self._failure()
        return signals

    def close(self) -> None:
        """End the decoder."""
        self._answers.close()
        self._connection.close()
        self.process.kill()
        self.process.wait()
        self._said.close()

    def _header(self) -> tuple[list[str], int]:
        """Read the number of rows and the names, which are bounded as those of a CSV table."""
        try:
            rows, line = self._answers.readline(32), self._answers.readline(LONGEST_HEADER + 2)
            names, count = json.loads(line), int(rows)
        except (OSError, ValueError) as error:
            raise self._failure(error) from error
        check_columns(self._file, len(names))
        return names, count

    def _failure(self, error: Exception | None = None) -> Exception:
        """Return the reason for which the decoder gave no answer, and end it."""
        silent = isinstance(error, TimeoutError)
        if silent:
            self.process.kill()
        code = self.process.wait()
        self._said.seek(0)
        said = self._said.read(_SAID_BYTES).decode(errors="replace").splitlines()
        self.close()
        if silent:
            return BadInputError(f"{self._file}: its decoder gave no answer within {_ANSWER_S} s")
        if code == BAD_INPUT:
            return BadInputError(said[-1])
        if code == -signal.SIGKILL:
            return MemoryError("the decoder was killed")
        reason = 0 if code < 0 else -1  # an abort prints its reason first
        words = said[reason] if said else f"exit code {code}"
        if "memory allocation" in words:
            words += f"; the decoder may use {self._most_bytes:,} bytes"
        return BadInputError(f"{self._file}: not a Parquet file that can be decoded: {words}")


def _environment() -> dict[str, str]:
    """Return the only variables of the decoder: where its libraries are, and one thread."""
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "POLARS_MAX_THREADS": "1"}
    return paths | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
