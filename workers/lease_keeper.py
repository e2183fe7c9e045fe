"""The lease keeper of a task: one thread renews the claims, writes their progress and sees cancels."""

import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from gateway.db import session_scope, utc_now
from gateway.errors import ClaimLost, GatewayError, HandedBack
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.transfers.throughput import Throughput
from gateway.work import claims
from gateway.work.claims import Claim
from gateway.work.yielding import has_to_yield
from workers.shutdown import is_stopping

RENEW_S = 1.0
STOPPING = "its worker was stopped; another one goes on where it was"
YIELDS = "it left its slot to another owner; it goes on later, where it was if it can"
_log = logging.getLogger(__name__)


class ClaimProgress:
    """The progress of one claim; `expect` and `advance` report it, and stop the work.

    Both raise ClaimLost when another worker has the row, Cancelled after a cancel, and HandedBack when
    this worker is stopping or another owner needs the slot, so that the work ends at its next step.
    """

    def __init__(self) -> None:
        self.stop_error: GatewayError | None = None
        self._bytes: dict[str, int] = {}
        self._throughput = Throughput()

    def expect(self, total_bytes: int) -> None:
        """Report the number of bytes to move."""
        self._bytes["bytes_total"] = total_bytes
        self.advance(0)

    def advance(self, done_bytes: int) -> None:
        """Report the number of bytes moved so far; the call is cheap."""
        self._bytes["bytes_done"] = done_bytes
        if self.stop_error is not None:
            raise self.stop_error

    @property
    def done_bytes(self) -> int:
        """The number of bytes reported so far."""
        return self._bytes.get("bytes_done", 0)

    def figures(self) -> dict[str, object]:
        """Return the row's columns of progress; no columns before the first report."""
        if "bytes_done" not in self._bytes:
            return {}
        reported = dict(self._bytes)
        rate, end = self._throughput.measure(utc_now(), reported["bytes_done"], reported.get("bytes_total"))
        return {**reported, "bytes_per_s": rate, "estimated_end_at": end}


class LeaseKeeper:
    """Renews the leases of claims while its block runs; `rows_lock` excludes it from the rows."""

    def __init__(self, model: type[Transfer | Job], claimed: Sequence[Claim]) -> None:
        self._model = model
        self._progress = {claim: ClaimProgress() for claim in claimed}
        self.rows_lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"keeper-{claimed[0].id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def progress_of(self, claim: Claim) -> ClaimProgress:
        """Return the progress of a claim, for the work to report to."""
        return self._progress[claim]

    def release(self, claim: Claim) -> None:
        """Stop renewing the claim, because its row has ended."""
        self._progress.pop(claim, None)

    def is_stopped(self, claim: Claim) -> bool:
        """Tell whether the work on the claim has to stop at its next step."""
        progress = self._progress.get(claim)
        return progress is not None and progress.stop_error is not None

    def check(self, claim: Claim) -> None:
        """Raise the error that stops the work on the claim, if there is one."""
        if (error := self._progress[claim].stop_error) is not None:
            raise error

    def hand_back(self, reason: str = STOPPING) -> None:
        """Stop the work on all claims at its next step, so that another worker continues it."""
        for progress in self._progress.copy().values():
            progress.stop_error = progress.stop_error or HandedBack(reason)

    def _run(self) -> None:
        renewed = time.monotonic()
        while not self._stop.wait(RENEW_S):
            try:
                self._renew()
                renewed = time.monotonic()
            except (SQLAlchemyError, MemoryError) as error:
                self._log_failure(error)
                if time.monotonic() - renewed > get_settings().lease_s:
                    self._lose_claims()

    def _renew(self) -> None:
        active = {claim: each for claim, each in self._progress.copy().items() if each.stop_error is None}
        if not active:
            return
        figures = {claim: progress.figures() for claim, progress in active.items()}
        with self.rows_lock, session_scope() as session:
            errors = claims.renew_claims(session, self._model, figures)
            yields = self._model.interruptible and has_to_yield(session, next(iter(active)).id)
        for claim, error in errors.items():
            active[claim].stop_error = active[claim].stop_error or error or self._shutdown_error()
        if yields:
            self.hand_back(YIELDS)

    def _log_failure(self, error: Exception) -> None:
        ids = [str(claim.id) for claim in self._progress.copy()]
        if ids:
            named = ids[0] + " and others" * (len(ids) > 1)
            _log.warning("%d leases not renewed, of %s: %s", len(ids), named, type(error).__name__)

    def _shutdown_error(self) -> GatewayError | None:
        if is_stopping() and self._model.interruptible:
            return HandedBack(STOPPING)
        return None

    def _lose_claims(self) -> None:
        for claim, progress in self._progress.copy().items():
            progress.stop_error = ClaimLost(f"{claim.id}: the database was away for longer than the lease")
