"""Keeping a claim alive: one thread per running task renews it, writes its progress and hears of a cancel."""

import logging
import threading
import time
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from gateway import claims
from gateway.claims import Claim
from gateway.db import session_scope, utc_now
from gateway.errors import Cancelled, ClaimLost, HandedBack
from gateway.models import Job, Transfer
from gateway.pace import Pace
from gateway.settings import get_settings
from workers.stopping import stopping

RENEW_S = 1.0
_log = logging.getLogger(__name__)


class Keeper:
    """The lease of a claim while a block runs; inside it, `expect` and `advance` report progress.

    Both raise ClaimLost when another worker has the row, Cancelled when somebody asked for that, and
    HandedBack when this worker is to stop: whoever works stops at its next step.
    """

    def __init__(self, model: type[Transfer | Job], claim: Claim) -> None:
        self._model, self._claim = model, claim
        self._numbers: dict[str, int] = {}
        self._pace = Pace()
        self._stop = threading.Event()
        self._verdict: Exception | None = None
        self._thread = threading.Thread(target=self._keep, name=f"keeper-{claim.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def expect(self, total_bytes: int) -> None:
        """Say how much there is to do."""
        self._numbers["bytes_total"] = total_bytes
        self.advance(0)

    def advance(self, done_bytes: int) -> None:
        """Say how much is done; cheap, so call it as often as there is something to say."""
        self._numbers["bytes_done"] = done_bytes
        if self._verdict is not None:
            raise self._verdict

    @property
    def done_bytes(self) -> int:
        """How many bytes were reported as done."""
        return self._numbers.get("bytes_done", 0)

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._stop.wait(RENEW_S) and self._verdict is None:
            try:
                self._renew()
                renewed = time.monotonic()
            except ClaimLost as lost:
                self._verdict = lost
            except SQLAlchemyError as error:
                _log.warning("%s: lease not renewed: %s", self._claim.id, type(error).__name__)
                if time.monotonic() - renewed > get_settings().lease_s:
                    self._verdict = ClaimLost(
                        f"{self._claim.id}: the database was away for longer than the lease"
                    )

    def _renew(self) -> None:
        with session_scope() as session:
            cancelled_at = claims.renew(session, self._model, self._claim, **self._news())
        if cancelled_at is not None and self._model is Transfer:
            self._verdict = Cancelled("cancelled on request")
        elif stopping() and self._model is Transfer:
            self._verdict = HandedBack("its worker was stopped; another one goes on where it was")

    def _news(self) -> dict[str, object]:
        """Return what has changed of the row's figures since the last time."""
        if "bytes_done" not in self._numbers:
            return {}
        numbers = dict(self._numbers)
        rate, end = self._pace.look(utc_now(), numbers["bytes_done"], numbers.get("bytes_total"))
        return {**numbers, "bytes_per_s": rate, "estimated_end_at": end}
