"""The errors of the rows of one message: each is recorded on its own row and costs no other row its turn."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import GatewayError
from gateway.logs import work_id
from gateway.models import Job, Transfer
from gateway.work.claims import Claim
from workers.claim_context import recording_failure

_log = logging.getLogger(__name__)


class SomeFailed(GatewayError):
    """Some rows of a group have failed; each row has its reason."""

    title = "Some rows failed"


class RowErrors:
    """Collects the errors of the rows of a message, for Flower to show."""

    def __init__(self, model: type[Transfer | Job]) -> None:
        self._model = model
        self._errors: list[tuple[Claim, Exception]] = []

    @contextmanager
    def recording(self, claim: Claim) -> Iterator[None]:
        """Record an error of the block on the claimed row; log lines of the block name the row."""
        before = work_id.set(str(claim.id))
        try:
            with recording_failure(self._model, claim):
                yield
        except Exception as error:  # noqa: BLE001  raise_any() reports the errors of the whole message
            _log.warning("%s: %s", claim.id, error)
            self._errors.append((claim, error))
        finally:
            work_id.reset(before)

    def raise_any(self, total: int) -> None:
        """Raise the error of a message of one row, or one about all rows of a group that have failed."""
        if self._errors and total == 1:
            raise self._errors[0][1]
        if self._errors:
            claim, error = self._errors[0]
            raise SomeFailed(f"{len(self._errors)} of {total} failed, one of them {claim.id}: {error}")
