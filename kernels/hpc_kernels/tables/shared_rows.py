"""The rows of one text, parsed once: each rank leaves a part as files, from which all take their columns."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.tables.csv import reader
from hpc_kernels.tables.csv.source import decompress_to, is_gzip


class SharedRows:
    """Reads columns of a CSV table; each rank parses its part of the rows in `steps`, to hold one of them."""

    def __init__(self, path: Path, ranks: Ranks, steps: int, threads: int) -> None:
        self._path, self._ranks, self._threads = path, ranks, threads
        self._steps = range(ranks.rank * steps, (ranks.rank + 1) * steps)
        self._parts = ranks.size * steps
        self._left = False

    def read(self, share: Callable[[int], range]) -> tuple[Sequence[str], Array]:
        """Return the names of all signals and the shared ones as an array (signals, samples).

        Raises
        ------
        BadInputError
            With file, row, column and what was expected; rows count from 1, the header included.
        StoppedError
            If another rank has failed.
        """
        with reader.open_csv(self._path, self._unpacked()) as text:
            own = share(len(text.names))
            if self._parts == 1:
                return text.names, text.rows(threads=self._threads)[own.start : own.stop]
            if not self._left:
                for part in self._steps:
                    self._ranks.put(f"rows.{part}", text.rows(part, self._parts, self._threads))
                self._left = True
        return text.names, self._columns(own)

    def _unpacked(self) -> Path | None:
        """Return where rank 0 has unpacked the text for all; one with enough memory needs no such place."""
        if self._parts == 1 or not is_gzip(self._path):
            return None
        if self._ranks.rank == 0 and not self._left:  # also where an attempt that was killed has left a text
            decompress_to(self._path, self._ranks.path("text"))
        return self._ranks.wait_for("text")

    def _columns(self, own: range) -> Array:
        """Put some columns together, part by part, so that no more of the files stays in memory."""
        files = [self._ranks.wait_for(f"rows.{part}") for part in range(self._parts)]
        ends = np.cumsum([np.load(file, mmap_mode="r").shape[1] for file in files])
        signals = np.empty((len(own), ends[-1]))
        for file, end in zip(files, ends, strict=True):
            rows = np.load(file, mmap_mode="r")[own.start : own.stop]
            signals[:, end - rows.shape[1] : end] = rows
        return signals
