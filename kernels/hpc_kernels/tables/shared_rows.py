"""Shared parsing of a CSV table: each rank parses and writes a part of the rows, and reads columns of all."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.tables.csv import reader
from hpc_kernels.tables.csv.source import decompress_to, is_gzip


class SharedRows:
    """Reader of columns of a CSV table; each rank parses its part of the rows in `steps` to save memory."""

    def __init__(self, path: Path, ranks: Ranks, steps: int, threads: int) -> None:
        self._path, self._ranks, self._threads = path, ranks, threads
        self._steps = range(ranks.rank * steps, (ranks.rank + 1) * steps)
        self._parts = ranks.size * steps
        self._written = False

    def read(self, share: Callable[[int], range]) -> tuple[Sequence[str], Array]:
        """Return the names of all signals and the signals of a share as an array (signals, samples).

        Raises
        ------
        BadInputError
            With file, row, column and the expected value; rows count from 1, the header included.
        StoppedError
            If another rank has failed.
        """
        with reader.open_csv(self._path, self._unpacked()) as text:
            own = share(len(text.names))
            if self._parts == 1:
                return text.names, text.rows(threads=self._threads)[own.start : own.stop]
            if not self._written:
                for part in self._steps:
                    self._ranks.put(f"rows.{part}", text.rows(part, self._parts, self._threads))
                self._written = True
        return text.names, self._columns(own)

    def _unpacked(self) -> Path | None:
        """Return the file with the text that rank 0 has decompressed; None if the table fits into memory."""
        if self._parts == 1 or not is_gzip(self._path):
            return None
        if self._ranks.rank == 0 and not self._written:  # also over the file of an attempt that was killed
            decompress_to(self._path, self._ranks.path("text"))
        return self._ranks.wait_for("text")

    def _columns(self, own: range) -> Array:
        """Assemble some columns part by part, so that one file at a time is in memory."""
        files = [self._ranks.wait_for(f"rows.{part}") for part in range(self._parts)]
        ends = np.cumsum([np.load(file, mmap_mode="r").shape[1] for file in files])
        signals = np.empty((len(own), ends[-1]))
        for file, end in zip(files, ends, strict=True):
            rows = np.load(file, mmap_mode="r")[own.start : own.stop]
            signals[:, end - rows.shape[1] : end] = rows
        return signals
