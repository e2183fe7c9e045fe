"""Progress of long work: a line on stderr with a percentage, at most once a second."""

import sys
import time

from hpc_kernels.launch import detect_launch


class Progress:
    """Progress of one phase; a phase of less than a second prints nothing."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._last = time.monotonic()
        self._prints = detect_launch().rank == 0  # one rank's log is enough

    def report(self, done: int, total: int, stage: str = "") -> None:
        """Record that `done` of `total` steps (of `stage`) are done; the end prints nothing."""
        if self._prints and done < total and time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            print(f"{self._label}{stage}: {100 * done // total} %", file=sys.stderr)  # noqa: T201
