"""Removal of files that ended work left on a cluster or a store, while the row's lease is renewed."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.work import claims
from workers.memory_limit import bounding_tries

TRIES = 50  # some hours, with the sweeper's growing pauses
Row = TypeVar("Row", bound=Transfer | Job)
_log = logging.getLogger(__name__)


def remove_files(row: Row, remove: Callable[[Row], bool]) -> bool:
    """Call `remove`, which tells whether all is removed, and return its answer.

    An error that may pass is raised, and the work put off, up to TRIES times; another one is logged, and
    the files stay. So do they after workers have died in several tries.
    """
    if row.failures >= TRIES:
        return _give_up(row, "workers died while they removed it")
    try:
        with _renewing(row), bounding_tries(str(row.id)):
            return remove(row)
    except GatewayError as error:
        if not error.transient or row.failures + 1 >= TRIES:
            return _give_up(row, error.detail)
        with suppress(SQLAlchemyError), session_scope() as session:  # else the lease runs out
            claims.put_off_removal(session, row)
        raise


def _give_up(row: Transfer | Job, why: str) -> bool:
    """Log that files may stay, and return True: the removal is over."""
    _log.warning("%s: something may be left of it: %s", row.id, why)
    return True


@contextmanager
def _renewing(row: Transfer | Job) -> Iterator[None]:
    """Renew the lease of the row in a thread."""
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(row, ended), name=f"removal-{row.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew(row: Transfer | Job, ended: threading.Event) -> None:
    while not ended.wait(get_settings().lease_s / 4):
        try:
            with session_scope() as session:
                claims.renew_removal(session, row)
        except SQLAlchemyError as error:
            _log.warning("the lease of %s was not renewed: %s", row.id, type(error).__name__)
