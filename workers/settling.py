"""Settling a claim: whatever goes wrong inside the block ends up on the row, and then in Celery's log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from gateway import outbox
from gateway.claims import Claim, owned
from gateway.db import session_scope
from gateway.errors import ClaimLost, GatewayError, HandedBack
from gateway.models import Job, Transfer

_log = logging.getLogger(__name__)


@contextmanager
def settling(model: type[Transfer | Job], claim: Claim) -> Iterator[None]:
    """Write an error of the block to the claimed row, and raise it for Celery to show.

    A database that is away is not written to: the lease runs out and the sweeper sends the row again.
    """
    try:
        yield
    except ClaimLost as lost:
        _log.warning("%s", lost.detail)
    except HandedBack as back:
        _log.info("%s: %s", claim.id, back.detail)
        with suppress(ClaimLost), session_scope() as session:
            outbox.hand_back(session, owned(session, model, claim), back.detail)
    except SQLAlchemyError:
        _log.exception("%s: the database failed; the row is taken up again when its lease runs out", claim.id)
        raise
    except Exception as error:
        _settle(model, claim, error)
        raise


def _settle(model: type[Transfer | Job], claim: Claim, error: Exception) -> None:
    if not isinstance(error, GatewayError):
        _log.exception("%s: unexpected", claim.id)
        kind = type(error).__name__
        error = GatewayError(
            f"internal error ({kind}): the operator finds it in the worker's log under {claim.id}"
        )
    with suppress(ClaimLost), session_scope() as session:
        outbox.settle(session, owned(session, model, claim), error)
