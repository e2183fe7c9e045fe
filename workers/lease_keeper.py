"""Keeping claims alive: one thread per task renews them, writes their progress and hears of a cancel."""

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
from workers.shutdown import is_stopping

RENEW_S = 1.0
STOPPED = "its worker was stopped; another one goes on where it was"
_log = logging.getLogger(__name__)


class ClaimProgress:
    """One claim while it is kept; `expect` and `advance` report progress.

    Both raise ClaimLost when another worker has the row, Cancelled when somebody asked for that, and
    HandedBack when this worker is to stop: whoever works stops at its next step.
    """

    def __init__(self) -> None:
        self.verdict: GatewayError | None = None
        self._numbers: dict[str, int] = {}
        self._throughput = Throughput()

    def expect(self, total_bytes: int) -> None:
        """Say how much there is to do."""
        self._numbers["bytes_total"] = total_bytes
        self.advance(0)

    def advance(self, done_bytes: int) -> None:
        """Say how much is done; cheap, so call it as often as there is something to say."""
        self._numbers["bytes_done"] = done_bytes
        if self.verdict is not None:
            raise self.verdict

    @property
    def done_bytes(self) -> int:
        """How many bytes were reported as done."""
        return self._numbers.get("bytes_done", 0)

    def news(self) -> dict[str, object]:
        """Return what has changed of the row's figures since the last time."""
        if "bytes_done" not in self._numbers:
            return {}
        numbers = dict(self._numbers)
        rate, end = self._throughput.measure(utc_now(), numbers["bytes_done"], numbers.get("bytes_total"))
        return {**numbers, "bytes_per_s": rate, "estimated_end_at": end}


class LeaseKeeper:
    """The leases of some claims while a block runs; `turn` is for who must not meet it at the rows."""

    def __init__(self, model: type[Transfer | Job], kept: Sequence[Claim]) -> None:
        self._model = model
        self._holds = {claim: ClaimProgress() for claim in kept}
        self.turn = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper-{kept[0].id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def hold(self, claim: Claim) -> ClaimProgress:
        """Return what reports the progress of a claim that is kept."""
        return self._holds[claim]

    def let_go(self, claim: Claim) -> None:
        """Renew the claim no more: its row was settled."""
        self._holds.pop(claim, None)

    def is_to_stop(self, claim: Claim) -> bool:
        """Tell whether whoever works on it hears so at the next step."""
        hold = self._holds.get(claim)
        return hold is not None and hold.verdict is not None

    def hand_back(self) -> None:
        """Let all that are still worked on stop at their next step, for another worker to go on."""
        for hold in self._holds.copy().values():
            hold.verdict = hold.verdict or HandedBack(STOPPED)

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._stop.wait(RENEW_S):
            try:
                self._renew()
                renewed = time.monotonic()
            except SQLAlchemyError as error:
                self._complain(error)
                if time.monotonic() - renewed > get_settings().lease_s:
                    self._give_up()

    def _renew(self) -> None:
        kept = {claim: hold for claim, hold in self._holds.copy().items() if hold.verdict is None}
        if not kept:
            return
        news = {claim: hold.news() for claim, hold in kept.items()}
        with self.turn, session_scope() as session:
            verdicts = claims.renew_claims(session, self._model, news)
        for claim, verdict in verdicts.items():
            kept[claim].verdict = kept[claim].verdict or verdict or self._handed_back()

    def _complain(self, error: SQLAlchemyError) -> None:
        ids = [str(claim.id) for claim in self._holds.copy()]
        if ids:
            named = ids[0] + " and others" * (len(ids) > 1)
            _log.warning("%d leases not renewed, of %s: %s", len(ids), named, type(error).__name__)

    def _handed_back(self) -> GatewayError | None:
        if is_stopping() and self._model.interruptible:
            return HandedBack(STOPPED)
        return None

    def _give_up(self) -> None:
        for claim, hold in self._holds.copy().items():
            hold.verdict = ClaimLost(f"{claim.id}: the database was away for longer than the lease")
