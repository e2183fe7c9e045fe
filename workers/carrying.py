"""Carrying out a group of small transfers: several at once, their good ends written together."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from queue import SimpleQueue
from uuid import UUID

from gateway import groups, transfers
from gateway.claims import Claim
from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.staging import Progress
from workers.keeper import Keeper
from workers.settling import settling

RECORD_S = 1.0

Work = Callable[[Transfer, Claim, Progress], None]


class SomeFailed(GatewayError):
    """Some transfers of a group have failed; each of them says why."""

    title = "Some transfers failed"


def carry_out(worker: str, row_ids: Sequence[str], work: Work) -> None:
    """Do the work of those rows that nobody has begun; each ends by itself, whatever becomes of the others.

    Raises
    ------
    SomeFailed
        When some did, for Flower to show; their rows tell why.
    """
    with session_scope() as session:
        taken = groups.take(session, map(UUID, row_ids), worker)
    if not taken:
        return
    with Keeper(Transfer, [claim for claim, _ in taken]) as keeper:
        errors = _Group(worker, keeper, work).run(taken)
    if errors:
        raise SomeFailed(f"{len(errors)} of {len(taken)} failed, one of them {errors[0]}")


class _Group:
    """Some claimed rows, the threads that work on them, and what has become of them."""

    def __init__(self, worker: str, keeper: Keeper, work: Work) -> None:
        self._worker, self._keeper, self._work = worker, keeper, work
        self._moved = SimpleQueue[tuple[Claim, int]]()
        self._errors: list[str] = []

    def run(self, taken: Sequence[tuple[Claim, Transfer]]) -> list[str]:
        """Return the errors, once every row has ended or was let go."""
        with ThreadPoolExecutor(min(get_settings().connections, len(taken))) as pool:
            open_ones: set[Future[None]] = {pool.submit(self._one, claim, row) for claim, row in taken}
            try:
                while open_ones:
                    open_ones = wait(open_ones, timeout=RECORD_S).not_done
                    self._record()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return self._errors

    def _one(self, claim: Claim, row: Transfer) -> None:
        hold = self._keeper.hold(claim)

        def act() -> None:
            hold.advance(0)  # a cancel may have come before its turn
            self._work(row, claim, hold)

        if self._settled(claim, act):
            self._moved.put((claim, hold.done_bytes))
        else:
            self._keeper.let_go(claim)

    def _record(self) -> None:
        """Write down which rows have ended well; one that somebody holds just now is waited for alone."""
        moved = dict(self._moved.get() for _ in range(self._moved.qsize()))
        if not moved:
            return
        with session_scope() as session:
            recorded = groups.complete(session, moved, self._worker)
        for claim, done_bytes in moved.items():
            if claim not in recorded:
                self._settled(claim, partial(_complete, claim, done_bytes))
            self._keeper.let_go(claim)

    def _settled(self, claim: Claim, act: Callable[[], None]) -> bool:
        """Tell whether it was done; else its row tells what went wrong, if it is still ours."""
        done = False
        try:
            with settling(Transfer, claim):
                act()
                done = True
        except Exception as error:  # noqa: BLE001  raised for all of the group at its end
            self._errors.append(f"{claim.id}: {error}")
        return done


def _complete(claim: Claim, done_bytes: int) -> None:
    with session_scope() as session:
        transfers.complete(session, claim, done_bytes)
