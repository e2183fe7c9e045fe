"""The transfer of a group of small files: several at once, and one write for all that succeed."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.transfers import groups
from gateway.transfers.outcome import NO_OUTCOME, Outcome
from gateway.transfers.staging.attempt import Progress
from gateway.work.claims import Claim
from workers.lease_keeper import LeaseKeeper
from workers.row_errors import RowErrors

RECORD_S = 1.0
_log = logging.getLogger(__name__)

TransferRow = Callable[[Transfer, Claim, Progress], Outcome | None]


def transfer_group(worker: str, row_ids: Sequence[str], transfer_row: TransferRow) -> None:
    """Claim the unclaimed rows of the group and transfer them; each succeeds or fails on its own.

    Raises
    ------
    SomeFailed
        When some have failed, for Flower to show; their rows have the reasons.
    """
    with session_scope() as session:
        claimed = groups.claim_group(session, map(UUID, row_ids), worker)
    if not claimed:
        return
    with LeaseKeeper(Transfer, [claim for claim, _ in claimed]) as keeper:
        errors = RowErrors(Transfer)
        _Group(keeper, transfer_row, errors).run(claimed)
    errors.raise_any(len(claimed))


class _Group:
    """The claimed rows of a group, their threads, and their results."""

    def __init__(self, keeper: LeaseKeeper, transfer_row: TransferRow, errors: RowErrors) -> None:
        self._keeper, self._transfer_row, self._errors = keeper, transfer_row, errors
        self._successes = SimpleQueue[tuple[Claim, int]]()
        self._unwritten, self._outcomes = dict[Claim, int](), dict[Claim, Outcome]()

    def run(self, claimed: Sequence[tuple[Claim, Transfer]]) -> None:
        """Transfer all rows."""
        with ThreadPoolExecutor(min(_thread_limit(), len(claimed))) as pool:
            try:
                rows = {pool.submit(self._transfer, *each): each for each in claimed}
                pending = set(rows)
                while pending:
                    pending = wait(pending, timeout=RECORD_S).not_done
                    self._record_successes()
                    for future in pending:
                        self._end_queued(future, *rows[future])
            except BaseException:
                self._keeper.hand_back()  # the pool waits for its threads, which stop at their next step
                raise
        while self._unwritten:
            time.sleep(RECORD_S)
            self._record_successes()

    def _end_queued(self, future: Future[None], claim: Claim, row: Transfer) -> None:
        """End a row that has to stop while it still waits for a thread."""
        if self._keeper.is_stopped(claim) and future.cancel():
            self._transfer(claim, row)

    def _transfer(self, claim: Claim, row: Transfer) -> None:
        """Transfer a row's bytes, or record its failure."""
        progress, has_succeeded = self._keeper.progress_of(claim), False
        with self._errors.recording(claim):
            progress.advance(0)  # a cancel may have come while it waited for a thread
            self._outcomes[claim] = self._transfer_row(row, claim, progress) or NO_OUTCOME
            has_succeeded = True
        if has_succeeded:
            self._successes.put((claim, progress.done_bytes))
        else:
            self._keeper.release(claim)

    def _record_successes(self) -> None:
        """Complete the rows that have succeeded; after a database error the next call tries again."""
        self._unwritten |= dict(self._successes.get() for _ in range(self._successes.qsize()))
        if not self._unwritten:
            return
        try:
            with self._keeper.rows_lock, session_scope() as session:
                left = groups.complete_group(session, self._unwritten, self._outcomes)
        except SQLAlchemyError as error:
            _log.warning("%d successes not recorded: %s", len(self._unwritten), type(error).__name__)
            return
        for claim in self._unwritten.keys() - left:
            self._keeper.release(claim)
        self._unwritten = {claim: self._unwritten[claim] for claim in left}


def _thread_limit() -> int:
    """Return the most rows at once: each needs a database connection, as do keeper and recorder."""
    settings = get_settings()
    return max(1, min(settings.connections, settings.database_connections - 2))
