"""Carrying out a group of small transfers: several at once, their good ends written together."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.logs import work_id
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.transfers import groups
from gateway.transfers.staging.attempt import Progress
from gateway.work.claims import Claim
from workers.claim_context import recording_failure
from workers.lease_keeper import LeaseKeeper

RECORD_S = 1.0
_log = logging.getLogger(__name__)

Work = Callable[[Transfer, Claim, Progress], None]


class SomeFailed(GatewayError):
    """Some transfers of a group have failed; each of them says why."""

    title = "Some transfers failed"


def transfer_group(worker: str, row_ids: Sequence[str], work: Work) -> None:
    """Do the work of those rows that nobody has begun; each ends by itself, whatever becomes of the others.

    Raises
    ------
    SomeFailed
        When some did, for Flower to show; their rows tell why.
    """
    with session_scope() as session:
        taken = groups.claim_group(session, map(UUID, row_ids), worker)
    if not taken:
        return
    with LeaseKeeper(Transfer, [claim for claim, _ in taken]) as keeper:
        errors = _Group(keeper, work).run(taken)
    if errors:
        raise SomeFailed(f"{len(errors)} of {len(taken)} failed, one of them {errors[0]}")


class _Group:
    """Some claimed rows, the threads that work on them, and what has become of them."""

    def __init__(self, keeper: LeaseKeeper, work: Work) -> None:
        self._keeper, self._work = keeper, work
        self._moved = SimpleQueue[tuple[Claim, int]]()
        self._unwritten: dict[Claim, int] = {}
        self._errors: list[str] = []

    def run(self, taken: Sequence[tuple[Claim, Transfer]]) -> list[str]:
        """Return the errors, once every row has ended or was let go."""
        with ThreadPoolExecutor(min(_most(), len(taken))) as pool:
            try:
                rows = {pool.submit(self._one, *each): each for each in taken}
                open_ones = set(rows)
                while open_ones:
                    open_ones = wait(open_ones, timeout=RECORD_S).not_done
                    self._record()
                    for each in open_ones:
                        self._settle_waiting(each, *rows[each])
            except BaseException:
                self._keeper.hand_back()  # else nobody would hear before all of them are done
                raise
        while self._unwritten:
            time.sleep(RECORD_S)
            self._record()
        return self._errors

    def _settle_waiting(self, future: Future[None], claim: Claim, row: Transfer) -> None:
        """Settle one that is to stop before its turn has come."""
        if self._keeper.is_to_stop(claim) and future.cancel():
            self._one(claim, row)

    def _one(self, claim: Claim, row: Transfer) -> None:
        """Move a row's bytes, or write down on it why not."""
        hold, before = self._keeper.hold(claim), work_id.set(str(claim.id))
        moved = False
        try:
            with recording_failure(Transfer, claim):
                hold.advance(0)  # a cancel may have come before its turn
                self._work(row, claim, hold)
                moved = True
        except Exception as error:  # noqa: BLE001  raised for all of the group at its end
            _log.warning("%s: %s", claim.id, error)
            self._errors.append(f"{claim.id}: {error}")
        finally:
            work_id.reset(before)
        if moved:
            self._moved.put((claim, hold.done_bytes))
        else:
            self._keeper.let_go(claim)

    def _record(self) -> None:
        """Write down which rows have ended well; what the database cannot take now is for the next time."""
        self._unwritten |= dict(self._moved.get() for _ in range(self._moved.qsize()))
        if not self._unwritten:
            return
        try:
            with self._keeper.turn, session_scope() as session:
                left = groups.complete_group(session, self._unwritten)
        except SQLAlchemyError as error:
            _log.warning("%d ends not written down: %s", len(self._unwritten), type(error).__name__)
            return
        for claim in self._unwritten.keys() - left:
            self._keeper.let_go(claim)
        self._unwritten = {claim: self._unwritten[claim] for claim in left}


def _most() -> int:
    """Return how many rows move at once: each may need the database, besides the keeper and the recorder."""
    settings = get_settings()
    return max(1, min(settings.connections, settings.database_connections - 2))
