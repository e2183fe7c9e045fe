"""The transfer of a group of small files: several at once, and one write for all that succeed."""

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
from gateway.transfers.outcome import NO_OUTCOME, Outcome
from gateway.transfers.staging.attempt import Progress
from gateway.work.claims import Claim
from workers.claim_context import recording_failure
from workers.lease_keeper import LeaseKeeper

RECORD_S = 1.0
_log = logging.getLogger(__name__)

TransferRow = Callable[[Transfer, Claim, Progress], Outcome | None]


class SomeFailed(GatewayError):
    """Some transfers of a group have failed; each row has its reason."""

    title = "Some transfers failed"


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
        errors = _Group(keeper, transfer_row).run(claimed)
    if errors:
        raise SomeFailed(f"{len(errors)} of {len(claimed)} failed, one of them {errors[0]}")


class _Group:
    """The claimed rows of a group, their threads, and their results."""

    def __init__(self, keeper: LeaseKeeper, transfer_row: TransferRow) -> None:
        self._keeper, self._transfer_row = keeper, transfer_row
        self._successes = SimpleQueue[tuple[Claim, int]]()
        self._unwritten, self._outcomes = dict[Claim, int](), dict[Claim, Outcome]()
        self._errors: list[str] = []

    def run(self, claimed: Sequence[tuple[Claim, Transfer]]) -> list[str]:
        """Transfer all rows and return the errors."""
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
        return self._errors

    def _end_queued(self, future: Future[None], claim: Claim, row: Transfer) -> None:
        """End a row that has to stop while it still waits for a thread."""
        if self._keeper.is_stopped(claim) and future.cancel():
            self._transfer(claim, row)

    def _transfer(self, claim: Claim, row: Transfer) -> None:
        """Transfer a row's bytes, or record its failure."""
        progress, before = self._keeper.progress_of(claim), work_id.set(str(claim.id))
        has_succeeded = False
        try:
            with recording_failure(Transfer, claim):
                progress.advance(0)  # a cancel may have come while it waited for a thread
                self._outcomes[claim] = self._transfer_row(row, claim, progress) or NO_OUTCOME
                has_succeeded = True
        except Exception as error:  # noqa: BLE001  run() reports the errors of the whole group
            _log.warning("%s: %s", claim.id, error)
            self._errors.append(f"{claim.id}: {error}")
        finally:
            work_id.reset(before)
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
