"""Exchange of arrays between ranks: through MPI where it connects them, else through files."""

import os
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import StoppedError
from hpc_kernels.launch import has_mpi_launcher, has_mpiexec
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.reports.usage import Phases

if TYPE_CHECKING:
    from types import ModuleType

ExchangeKind = Literal["files", "mpi"]

_LONGEST_PAUSE_S = 0.01
_CHECK_S = 0.25  # between two checks for the failure of another rank
_PATIENCE_S = 2.0  # for which a failed rank waits for those that still compute


class Exchange(Protocol):
    """A collective exchange of rows: every rank calls the same methods in the same order with its own rows.

    Results are in the order of the ranks, so they do not depend on the number of ranks.
    """

    kind: ExchangeKind
    ranks: Ranks

    def all_gather(self, mine: Array) -> Array:
        """Return the rows of all ranks to every rank."""

    def gather(self, mine: Array) -> Array:
        """Return the rows of all ranks to rank 0; the result on other ranks is unspecified."""

    def close(self) -> None:
        """End the exchange of a successful run."""


def open_exchange(ranks: Ranks, phases: Phases) -> Exchange:
    """Return the exchange of these ranks; MPI starts here, so that all ranks start it at about the same time.

    Clustering and classification alone open one: MPI takes a tenth of a second to start, and filters leave
    their results on disk in any case.
    """
    if ranks.size > 1 and has_mpi_launcher() and find_spec("mpi4py"):
        with phases.phase("mpi"):
            mpi = _start_mpi(ranks)
        if mpi is not None:
            phases.exchange = "mpi"
            _open_exchanges.append(MpiExchange(ranks, mpi))
            return _open_exchanges[0]
    return FileExchange(ranks)


class FileExchange:
    """Exchange through files: each rank writes its rows to the shared filesystem and waits for the others."""

    kind: ExchangeKind = "files"

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self._step = 0

    def all_gather(self, mine: Array) -> Array:
        """Return the rows of all ranks to every rank."""
        ranks = self.ranks
        if ranks.size == 1:
            return mine
        self._step += 1
        parts = ranks.gather(f"step{self._step}", mine)
        # all ranks have reached this step, so none reads the file of the step before
        ranks.path(f"step{self._step - 1}.{ranks.rank}").unlink(missing_ok=True)
        return np.concatenate(parts)

    def gather(self, mine: Array) -> Array:
        """Return the rows of all ranks to rank 0; the others continue at once with their own."""
        if self.ranks.rank:
            self.ranks.put(f"last.{self.ranks.rank}", mine)
            return mine
        return np.concatenate(self.ranks.collect("last", mine))

    def close(self) -> None:
        """Do nothing: rank 0 removes the scratch folder."""


class MpiExchange:
    """Exchange through non-blocking MPI; a barrier before each operation lets a rank announce its failure."""

    kind: ExchangeKind = "mpi"

    def __init__(self, ranks: Ranks, mpi: "ModuleType") -> None:
        self.ranks = ranks
        self._mpi = mpi
        self._world = mpi.COMM_WORLD
        self._sizes = np.empty(ranks.size, np.int64)
        self._barrier: Any = None  # the barrier that this rank has entered, also if a failure was its result

    def all_gather(self, mine: Array) -> Array:
        """Return the rows of all ranks to every rank."""
        sizes = self._wait_for_all(mine.size)
        rows = np.empty(sum(sizes), mine.dtype)
        self._wait(self._world.Iallgatherv(np.ascontiguousarray(mine), [rows, sizes]))
        return rows.reshape(-1, *mine.shape[1:])

    def gather(self, mine: Array) -> Array:
        """Return the rows of all ranks to every rank: they are few."""
        return self.all_gather(mine)

    def close(self) -> None:
        """Finalize MPI after a barrier: nothing stops a rank that waits in `Finalize` for a failed one."""
        self._wait_for_all(0)
        self._finalize()

    def fail(self, exit_code: int) -> None:
        """End a failed job: finalize MPI with the other ranks if they arrive in time, else without them.

        A process that ends inside MPI leaves shared memory on its node. srun then ends the other ranks;
        mpiexec takes the end for a crash and hides the exit code, except after `Abort`, which prints a lot.
        """
        deadline = time.monotonic() + _PATIENCE_S
        if self._barrier is None:
            self._barrier = self._enter_barrier(-exit_code)
        while not self._barrier.Test():
            if time.monotonic() > deadline:
                if has_mpiexec():
                    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
                    self._world.Abort(exit_code)
                return
            time.sleep(_LONGEST_PAUSE_S)
        self._finalize()

    def _wait_for_all(self, mine: int) -> list[int]:
        """Wait at the barrier and return the number of each rank; raise `StoppedError` if one has failed."""
        self._barrier = self._enter_barrier(mine)
        self._wait(self._barrier)
        sizes: list[int] = self._sizes.tolist()
        if min(sizes) < 0:
            raise StoppedError(-min(sizes))
        self._barrier = None
        return sizes

    def _enter_barrier(self, mine: int) -> Any:
        return self._world.Iallgather(np.array([mine], np.int64), self._sizes)

    def _finalize(self) -> None:
        self._mpi.Finalize()
        _open_exchanges.remove(self)

    def _wait(self, request: Any) -> None:
        """Wait for an operation; raise `StoppedError` if another rank has failed and cannot arrive."""
        begin = time.monotonic()
        check_s = _CHECK_S
        while not request.Test():
            waited_s = time.monotonic() - begin
            if waited_s > check_s:
                self.ranks.stop_if_failed()
                check_s = waited_s + _CHECK_S
            time.sleep(min(waited_s / 10, _LONGEST_PAUSE_S))


_open_exchanges: list[MpiExchange] = []  # at most one, until it is closed


def fail_exchanges(exit_code: int) -> None:
    """End the open exchanges of a failed job, in which other ranks may be waiting."""
    sys.stdout.flush()
    sys.stderr.flush()
    for exchange in _open_exchanges[:]:
        exchange.fail(exit_code)


def _start_mpi(ranks: Ranks) -> "ModuleType | None":
    """Start MPI; warn and return None if it does not connect exactly these ranks."""
    import mpi4py  # noqa: PLC0415 (lazy: optional)

    mpi4py.rc.thread_level = "funneled"  # only the main thread exchanges
    mpi4py.rc.finalize = False  # a rank that fails must not wait for the others at its end
    try:
        from mpi4py import MPI  # noqa: PLC0415 (lazy: the import starts MPI)
    except (ImportError, RuntimeError) as error:
        _warn(ranks, f"mpi4py finds no MPI ({str(error).partition(chr(10))[0]})")
        return None
    size = MPI.COMM_WORLD.Get_size()
    if size == ranks.size:
        return MPI
    MPI.Finalize()
    _warn(ranks, f"MPI connects {size} of {ranks.size} ranks (see srun's --mpi)")
    return None


def _warn(ranks: Ranks, why: str) -> None:
    if ranks.rank == 0:
        print(f"warning: {why}: ranks exchange through files", file=sys.stderr)  # noqa: T201
