"""How ranks exchange arrays: through MPI where that connects them, else through files in their folder."""

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
_LOOK_S = 0.25  # between two looks for another rank's failure
_PATIENCE_S = 2.0  # of a failed rank with those that still compute


class Exchange(Protocol):
    """One way of exchanging. Every rank calls the same methods in the same order, each with its own rows.

    All that comes back is in the order of the ranks, so it does not depend on how many they are.
    """

    kind: ExchangeKind
    ranks: Ranks

    def all_gather(self, mine: Array) -> Array:
        """Return everybody's rows to every rank."""

    def gather(self, mine: Array) -> Array:
        """Return everybody's rows to rank 0; what the others get says nothing."""

    def close(self) -> None:
        """End a run in which all went well."""


def open_exchange(ranks: Ranks, phases: Phases) -> Exchange:
    """Return the way that is there for these ranks; MPI starts here, so that all do it at about one time.

    Only clusterings and classifications ask: to start MPI takes a tenth of a second, and what filters
    exchange must wait on disk anyway.
    """
    if ranks.size > 1 and has_mpi_launcher() and find_spec("mpi4py"):
        with phases.phase("mpi"):
            mpi = _started(ranks)
        if mpi is not None:
            phases.exchange = "mpi"
            _connected.append(MpiExchange(ranks, mpi))
            return _connected[0]
    return FileExchange(ranks)


class FileExchange:
    """Each rank leaves its rows as a file of the shared filesystem and waits for those of the others."""

    kind: ExchangeKind = "files"

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self._step = 0

    def all_gather(self, mine: Array) -> Array:
        """Return everybody's rows to every rank."""
        ranks = self.ranks
        if ranks.size == 1:
            return mine
        self._step += 1
        parts = ranks.gather(f"step{self._step}", mine)
        # everybody is at this step, so nobody reads the one before any more
        ranks.path(f"step{self._step - 1}.{ranks.rank}").unlink(missing_ok=True)
        return np.concatenate(parts)

    def gather(self, mine: Array) -> Array:
        """Return everybody's rows to rank 0; the others go on at once with their own."""
        if self.ranks.rank:
            self.ranks.put(f"last.{self.ranks.rank}", mine)
            return mine
        return np.concatenate(self.ranks.collect("last", mine))

    def close(self) -> None:
        """End the run; the folder is rank 0's to remove."""


class MpiExchange:
    """Collective operations that never block. Ranks meet before each, and may say there that they failed."""

    kind: ExchangeKind = "mpi"

    def __init__(self, ranks: Ranks, mpi: "ModuleType") -> None:
        self.ranks = ranks
        self._mpi = mpi
        self._world = mpi.COMM_WORLD
        self._sizes = np.empty(ranks.size, np.int64)
        self._meeting: Any = None  # the one at which this rank is, also where a failure was its result

    def all_gather(self, mine: Array) -> Array:
        """Return everybody's rows to every rank."""
        sizes = self._meet(mine.size)
        rows = np.empty(sum(sizes), mine.dtype)
        self._wait(self._world.Iallgatherv(np.ascontiguousarray(mine), [rows, sizes]))
        return rows.reshape(-1, *mine.shape[1:])

    def gather(self, mine: Array) -> Array:
        """Return everybody's rows to rank 0, and to the others as well: they are few."""
        return self.all_gather(mine)

    def close(self) -> None:
        """Leave MPI once all ranks are here, since nobody could stop who waits for them inside."""
        self._meet(0)
        self._leave()

    def fail(self, exit_code: int) -> None:
        """End a failed job: leave MPI with the others if they come in time, else without them.

        A process that ends inside MPI leaves shared memory on its node. srun then ends the others; mpiexec
        takes it for a crash and hides the exit code, but for MPI's own way to give up, which is wordy.
        """
        deadline = time.monotonic() + _PATIENCE_S
        if self._meeting is None:
            self._meeting = self._entered(-exit_code)
        while not self._meeting.Test():
            if time.monotonic() > deadline:
                if has_mpiexec():
                    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
                    self._world.Abort(exit_code)
                return
            time.sleep(_LONGEST_PAUSE_S)
        self._leave()

    def _meet(self, mine: int) -> list[int]:
        """Wait until all ranks have come, and return what each has to give; stop when one has failed."""
        self._meeting = self._entered(mine)
        self._wait(self._meeting)
        sizes: list[int] = self._sizes.tolist()
        if min(sizes) < 0:
            raise StoppedError(-min(sizes))
        self._meeting = None
        return sizes

    def _entered(self, mine: int) -> Any:
        return self._world.Iallgather(np.array([mine], np.int64), self._sizes)

    def _leave(self) -> None:
        self._mpi.Finalize()
        _connected.remove(self)

    def _wait(self, request: Any) -> None:
        """Wait until an operation is done; stop when another rank has failed and cannot come."""
        begin = time.monotonic()
        look_s = _LOOK_S
        while not request.Test():
            waited_s = time.monotonic() - begin
            if waited_s > look_s:
                self.ranks.stop_if_failed()
                look_s = waited_s + _LOOK_S
            time.sleep(min(waited_s / 10, _LONGEST_PAUSE_S))


_connected: list[MpiExchange] = []  # one at most, from its start to its end


def fail_exchanges(exit_code: int) -> None:
    """End what a failed job has begun with other ranks, who may be waiting."""
    sys.stdout.flush()
    sys.stderr.flush()
    for exchange in _connected[:]:
        exchange.fail(exit_code)


def _started(ranks: Ranks) -> "ModuleType | None":
    """Start MPI; return None, and say why, where it does not connect just these ranks."""
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
