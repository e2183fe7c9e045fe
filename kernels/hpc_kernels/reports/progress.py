"""How far long work has come: a line on stderr at most once a second, for logs."""

import sys
import time

from hpc_kernels.launch import detect_launch


class Progress:
    """Told of every step of a phase, says now and then how far it is; what is short says nothing."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._last = time.monotonic()
        self._speaks = detect_launch().rank == 0  # one rank's log is enough

    def report(self, done: int, total: int, stage: str = "") -> None:
        """Tell that `done` of `total` are done (of a stage); the end is told by the summary."""
        if self._speaks and done < total and time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            print(f"{self._what}{stage}: {100 * done // total} %", file=sys.stderr)  # noqa: T201
