"""The claim context of a task: it claims the row, and records on it every failure of the work."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.db import session_scope
from gateway.errors import ClaimLost, Fault, GatewayError, HandedBack
from gateway.models import Job, Transfer
from gateway.queue.pool_process import end_after_task, is_used, release_memory
from gateway.queue.task import as_gateway_error
from gateway.work import failures, transitions
from gateway.work.claims import Claim, lock_claimed
from gateway.work.lack_of_memory import OutOfMemory, has_lacked, out_of_memory


class GivenUp(GatewayError):
    """The row has failed because too many workers died while they worked on it."""

    title = "Given up"


_GIVEN_UP = {Fault.WORKERS: GivenUp, Fault.LIMIT: OutOfMemory}


def claim_row(take: Callable[[Session, UUID, str], Claim | None], row_id: str, worker: str) -> Claim | None:
    """Claim the row in its own transaction; return None when this process has no work with it.

    A row whose work has lacked memory goes back until a fresh process has it, and this one ends.
    """
    with session_scope() as session:
        claim = take(session, UUID(row_id), worker)
        if claim is not None and claim.repeated and is_used() and _leave_to_fresh(session, claim.id):
            return None
        given_up = next((row for row in session.dirty if not claim and row.fault in _GIVEN_UP), None)
    if given_up is not None and given_up.ended_at is not None:
        raise _GIVEN_UP[given_up.fault](given_up.reason)
    return claim


def _leave_to_fresh(session: Session, row_id: UUID) -> bool:
    """Hand a row back whose work has lacked memory in its attempt; tell whether it is one."""
    row = session.get(Transfer, row_id) or session.get_one(Job, row_id)
    if not has_lacked(session, row):
        return False
    end_after_task()
    failures.hand_back(session, row, ALONE)
    return True


ALONE = "it waits for a process that has done no other work"
_log = logging.getLogger(__name__)


@contextmanager
def recording_failure(model: type[Transfer | Job], claim: Claim) -> Iterator[None]:
    """Record an error of the block on the claimed row, and raise it again for Celery, as a GatewayError.

    An error of the database is not recorded: the lease expires and the sweeper sends the row again.
    """
    unexpected: GatewayError | None = None
    try:
        yield
    except ClaimLost as lost:
        _log.warning("%s", lost.detail)
    except HandedBack as back:
        _log.info("%s: %s", claim.id, back.detail)
        with suppress(ClaimLost), session_scope() as session:
            failures.hand_back(session, lock_claimed(session, model, claim), back.detail)
    except SQLAlchemyError:
        _log.exception("%s: the database failed; the row is sent again when its lease has expired", claim.id)
        raise
    except MemoryError as error:  # it must not reach Celery, which would end the whole worker
        release_memory(error)
        _record_lack_of_memory(model, claim)
        raise OutOfMemory(str(claim.id)) from None
    except Exception as error:
        known = as_gateway_error(error, str(claim.id))
        with suppress(ClaimLost), session_scope() as session:
            failures.record_failure(session, lock_claimed(session, model, claim), known)
        if known is error:
            raise
        unexpected = known
    if unexpected is not None:  # outside of the handlers, so that it has no context
        raise unexpected


def _record_lack_of_memory(model: type[Transfer | Job], claim: Claim) -> None:
    with suppress(ClaimLost), session_scope() as session:
        row = lock_claimed(session, model, claim)
        error = out_of_memory(row.attempt, transitions.events(session, row))
        failures.record_failure(session, row, error)
