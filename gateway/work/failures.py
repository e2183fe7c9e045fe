"""Failures of a try: the retry budget, the back-off before the next try, and the end of the row."""

import random
from datetime import timedelta

from sqlalchemy.orm import Session

from gateway.db import due_in, utc_now
from gateway.errors import Cancelled, Fault, GatewayError
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import State
from gateway.work.member_ends import leave_to_watcher
from gateway.work.outbox import LONGEST_WAIT_S
from gateway.work.transitions import move, note
from gateway.work.turns import line_up

ON_REQUEST = "cancelled on request"


def record_failure(session: Session, row: Transfer | Job, error: GatewayError) -> None:
    """End the row for a final error; for a transient one retry it after a back-off, within its retry budget.

    A transfer with a cancel request is not retried. A job is: its scheduler may have it although the
    submission failed, and the next try looks for it there.
    """
    if isinstance(error, Cancelled) or (_has_to_end(row) and error.transient):
        finish_cancel(session, row)
        return
    settings = get_settings()
    row.failures += 1
    if not error.transient:
        fail(session, row, error.detail, error.fault)
    elif row.failures > settings.budget(row.kind):
        fail(session, row, f"given up after {row.failures} tries: {error.detail}", error.fault)
    else:
        wait_s = min(settings.retry_s * 2 ** (row.failures - 1), LONGEST_WAIT_S) * random.uniform(0.75, 1.25)  # noqa: S311  jitter
        if row.state is row.working:  # an end that could not be read yet leaves the state alone
            move(session, row, row.retrying, error.detail)
        row.fault = error.fault
        row.lease_until = row.message_id = None
        row.retry_at = utc_now() + timedelta(seconds=wait_s)
        row.next_send_at = due_in(wait_s)
        row.sends = 0


def hand_back(session: Session, row: Transfer | Job, reason: str) -> None:
    """End the claim of a row in the middle of its work: it waits for its owner's turn, without a failure.

    A transfer with a cancel request ends.
    """
    if _has_to_end(row):
        finish_cancel(session, row)
        return
    note(session, row, reason, actor="")
    row.lease_until = None
    row.sends = 0
    line_up(row)


def _has_to_end(row: Transfer | Job) -> bool:
    """Tell whether a cancel ends the row as soon as no worker holds it."""
    return row.interruptible and row.cancel_requested_at is not None


def finish_cancel(session: Session, row: Transfer | Job) -> None:
    """End a row that is cancelled on request."""
    if isinstance(row, Transfer):
        row.credentials = row.cleaning_credentials
    if not leave_to_watcher(session, row, row.cancelled, ON_REQUEST):
        move(session, row, row.cancelled, ON_REQUEST)


def fail(session: Session, row: Transfer | Job, reason: str, fault: Fault) -> None:
    """End the row as failed, with a reason that the user can act on."""
    give_up(session, row, row.failed, reason, fault)


def give_up(session: Session, row: Transfer | Job, to: State, reason: str, fault: Fault) -> None:
    """End the row without success; of a sweep the members that were submitted end first."""
    if not leave_to_watcher(session, row, to, reason, fault):
        move(session, row, to, reason)
    row.fault = fault
