"""Both exchanges of arrays: ranks as threads of the test, and an MPI that never completes."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hpc_kernels.arrays import Array
from hpc_kernels.errors import StoppedError
from hpc_kernels.ranks.exchange import FileExchange, MpiExchange, fail_exchanges, open_exchange
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.reports.usage import Phases


def silent_mpi() -> ModuleType:
    """Return an MPI in which the other ranks never come."""
    never = SimpleNamespace(Test=lambda: False)
    world = SimpleNamespace(Iallgather=lambda *_: never, Ibarrier=lambda: never)
    return cast("ModuleType", SimpleNamespace(COMM_WORLD=world))


def test_rows_come_in_the_order_of_the_ranks_and_empty_shares_are_none(tmp_path: Path) -> None:
    rows = np.arange(12.0).reshape(4, 3)
    shares = [rows[:1], rows[1:1], rows[1:]]

    def one(rank: int) -> list[Array]:
        files = FileExchange(Ranks(rank, 3, tmp_path))
        return [*(files.all_gather(step * shares[rank]) for step in (1, 2, 3)), files.gather(shares[rank])]

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(one, range(3)))
    for rank, (*steps, last) in enumerate(found):
        for step, whole in enumerate(steps, 1):
            assert whole.tolist() == (step * rows).tolist()
        assert last.tolist() == (shares[rank] if rank else rows).tolist()
    assert {path.name for path in tmp_path.iterdir()} == {
        *(f"step3.{rank}" for rank in range(3)),  # the steps before were swept up
        "last.1",
        "last.2",
    }


def test_one_rank_exchanges_nothing(tmp_path: Path) -> None:
    phases = Phases()
    exchange = open_exchange(Ranks(0, 1, tmp_path / "none"), phases)
    assert exchange.all_gather(np.ones(3)).tolist() == exchange.gather(np.ones(3)).tolist() == [1, 1, 1]
    exchange.close()
    assert (phases.exchange, (tmp_path / "none").exists()) == ("files", False)


@pytest.mark.parametrize("act", ["all_gather", "gather", "close"])
def test_a_rank_that_waits_in_mpi_sees_the_failure_of_another(tmp_path: Path, act: str) -> None:
    exchange = MpiExchange(Ranks(0, 2, tmp_path), silent_mpi())
    arguments: tuple[Any, ...] = () if act == "close" else (np.ones(3),)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(getattr(exchange, act), *arguments)
        time.sleep(0.6)
        assert not waiting.done()
        Ranks(1, 2, tmp_path).fail(2)
        with pytest.raises(StoppedError) as stopped:
            waiting.result(timeout=5)
    assert stopped.value.exit_code == 2


def test_a_failed_rank_does_not_wait_long_for_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Under srun it then just ends: there is neither Abort nor Finalize in this MPI."""
    monkeypatch.delenv("MPI_LOCALNRANKS", raising=False)
    begin = time.monotonic()
    MpiExchange(Ranks(0, 2, tmp_path), silent_mpi()).fail(2)
    assert 1 < time.monotonic() - begin < 10


def test_a_failure_under_files_calls_no_mpi() -> None:
    fail_exchanges(2)
