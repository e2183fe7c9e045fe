"""Shared parsing of a CSV table: each rank parses and writes a part of the rows, and reads columns of all."""

from collections.abc import Callable, Sequence

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.tables.csv import reader
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.memory import allocate_signals


class SharedRows:
    """Reader of columns of a CSV table; each rank parses its part of the rows in `steps` to save memory."""

    def __init__(self, text: TableText, ranks: Ranks, threads: int) -> None:
        self._text, self._ranks, self._threads = text, ranks, threads
        self._written = False

    def read(self, share: Callable[[int], range], steps: int) -> tuple[Sequence[str], Array]:
        """Return the names of all signals and the signals of a share as an array (signals, samples).

        Raises
        ------
        BadInputError
            With file, row, column and the expected value; rows count from 1, the header included.
        StoppedError
            If another rank has failed.
        """
        ranks, parts = self._ranks, self._ranks.size * steps
        with reader.open_csv(self._text) as text:
            own = share(len(text.names))
            if parts == 1:
                return text.names, text.rows(threads=self._threads)[own.start : own.stop]
            if not self._written:
                for part in range(ranks.rank * steps, (ranks.rank + 1) * steps):
                    ranks.put(f"rows.{part}", text.rows(part, parts, self._threads))
                self._written = True
        return text.names, self._columns(own, parts)

    def _columns(self, own: range, parts: int) -> Array:
        """Assemble some columns part by part, so that one file at a time is in memory."""
        files = [self._ranks.wait_for(f"rows.{part}") for part in range(parts)]
        ends = np.cumsum([np.load(file, mmap_mode="r").shape[1] for file in files])
        signals = allocate_signals(self._text.path.name, len(own), int(ends[-1]))
        for file, end in zip(files, ends, strict=True):
            rows = np.load(file, mmap_mode="r")[own.start : own.stop]
            signals[:, end - rows.shape[1] : end] = rows
        return signals
