"""Leases of Idempotency-Keys: one thread renews those of the requests that still run in this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from gateway.db import session_scope
from gateway.work import idempotency
from gateway.work.idempotency import LEASE_S, Ticket

_NAME = "key leases"
_held = set[Ticket]()
_is_held = threading.Condition()


@contextmanager
def renewed(ticket: Ticket) -> Iterator[None]:
    """Renew the lease of the ticket while the block runs."""
    with _is_held:
        _held.add(ticket)
        _is_held.notify()
    _start()
    try:
        yield
    finally:
        with _is_held:
            _held.discard(ticket)


def renew_held() -> None:
    """Renew the leases of all held tickets; a ticket that another request has taken since stays lost."""
    with _is_held:
        tickets = list(_held)
    for ticket in tickets:
        with suppress(SQLAlchemyError), session_scope() as session:
            idempotency.renew(session, ticket)


def _start() -> None:
    if _NAME not in {thread.name for thread in threading.enumerate()}:
        threading.Thread(target=_renew_for_ever, name=_NAME, daemon=True).start()


def _renew_for_ever() -> None:
    while True:
        with _is_held:
            _is_held.wait_for(lambda: _held)
        time.sleep(LEASE_S / 3)
        renew_held()
