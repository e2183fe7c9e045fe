"""Waits for rows: each look is a status request, at an event, or held by the gateway until a change.

A workflow is watched by the stream of its events. Where there is none, where it breaks and where it is late,
looks wait with `?wait=`, as those at transfers and jobs do.
"""

import time
from typing import Generic

import httpx

from hpc_gateway_client.errors import (
    GatewayClientError,
    JobFailed,
    StillRunning,
    TransferFailed,
    WorkflowFailed,
)
from hpc_gateway_client.models import Job, Transfer, TransferKind, Workflow
from hpc_gateway_client.steps import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Answer,
    Body,
    Call,
    Listen,
    Listener,
    Open,
    Pause,
    Report,
    Row,
    Steps,
    pauses,
    read_row,
    request_one,
    request_transfer,
    send,
)

WAIT_S = 20.0
PAUSE_WITHOUT_TAG_S = 1.0
QUIET_S = 1.0  # without an event, at first: bytes and rates change without one
HELD_S = 0.5  # an unchanged status that comes sooner was not held: the gateway has too many that wait


def wait(row: Row, report: Report[Row] | None, timeout_s: float | None) -> Steps[Row]:
    """Fetch a row until it has ended; raise when it ended badly or the time is over.

    Any other error, an interrupt too, carries a note with the row's id: the accepted work goes on.
    """
    try:
        row = yield from _follow(row, report, timeout_s)
    except BaseException as error:
        error.add_note(f"{row.url} is accepted and goes on; Gateway.find({str(row.id)!r}) returns it")
        if isinstance(error, GatewayClientError):
            error.accepted = row
        raise
    if not row.succeeded:
        raise failure_of(row)
    return row


def failure_of(row: Transfer | Job | Workflow) -> GatewayClientError:
    """Return the error of a row that ended badly."""
    if isinstance(row, Workflow):
        return WorkflowFailed(row)
    return TransferFailed(row) if isinstance(row, Transfer) else JobFailed(row)


def _follow(row: Row, report: Report[Row] | None, timeout_s: float | None) -> Steps[Row]:
    """Look at the row until it has ended."""
    heard = (yield Open(row)) if isinstance(row, Workflow) and not row.ended else None
    watch = _Watch(row, heard, WAIT_S if report is None else LONGEST_PAUSE_S)
    started = time.monotonic()
    try:
        while True:
            if report is not None:
                report(watch.row)
            if watch.row.ended:
                return watch.row
            left = WAIT_S if timeout_s is None else timeout_s - (time.monotonic() - started)
            if left <= 0:
                raise StillRunning(f"{row.url} is still {watch.row.state} after {timeout_s:g} s; it goes on")
            yield from watch.look(left)
    finally:
        watch.listener.close()


class _Watch(Generic[Row]):
    """A row that is looked at, its entity tag, and the listener that tells when to look."""

    def __init__(self, row: Row, heard: Answer, longest_s: float) -> None:
        self.row, self.listener = row, heard if isinstance(heard, Listener) else Listener()
        self._tag, self._is_held, self._longest_s = "", False, longest_s
        self._pauses, self._quiet = pauses(), pauses(QUIET_S, longest_s)

    def look(self, left_s: float) -> Steps[None]:
        """Look at the row at its next change, or when the time is over."""
        if self.listener.is_heard:
            yield from self._look_at_event(left_s)
        else:
            yield Pause(min(FIRST_PAUSE_S if self._is_held else next(self._pauses), left_s))
            self.row, self._tag, self._is_held = yield from _look(self.row, self._tag, left_s)

    def _look_at_event(self, left_s: float) -> Steps[None]:
        """Look at an event, or after a while without one; a stream that is late is given up."""
        yield Listen(self.listener, min(next(self._quiet), left_s))
        before, is_told = self.row, self.listener.is_told
        self.row, self._tag, _ = yield from _look(before, self._tag, None)
        if self.row is not before:
            self._quiet = pauses(QUIET_S, self._longest_s)
        if not is_told and _states(self.row) != _states(before):
            self.listener.close()


def _states(row: Transfer | Job | Workflow) -> list[str]:
    """Return the states of which events tell."""
    return [row.state, *((step.state for step in row.steps) if isinstance(row, Workflow) else ())]


def _look(row: Row, tag: str, most_s: float | None) -> Steps[tuple[Row, str, bool]]:
    """Return the row and its entity tag: at once, or with a time when it is no longer the known one.

    The third value tells whether the next look may follow at once: the gateway has held this one, or can.
    """
    asked = time.monotonic()
    is_held = bool(tag) and most_s is not None
    waiting = {"wait": str(round(max(0.0, min(most_s or 0.0, WAIT_S)), 1))} if is_held else None
    answer = yield from send(Call("GET", row.url, params=waiting, known=tag))
    if answer.status_code == httpx.codes.NOT_MODIFIED:
        return row, tag, time.monotonic() - asked >= HELD_S
    new_tag = answer.headers.get("ETag", "")
    return read_row(row, answer), new_tag, bool(new_tag)


def look_for_change(row: Row, tag: str) -> Steps[tuple[Row, str]]:
    """Return the row and its entity tag when it has changed, or after a while."""
    yield Pause(FIRST_PAUSE_S if tag else PAUSE_WITHOUT_TAG_S)
    row, tag, is_held = yield from _look(row, tag, WAIT_S)
    if tag and not is_held:
        yield Pause(PAUSE_WITHOUT_TAG_S)
    return row, tag


def stage(
    kind: TransferKind, body: Body, report: Report[Transfer] | None, timeout_s: float | None
) -> Steps[Transfer]:
    """Start a transfer and wait for its end."""
    started = yield from request_transfer(Call("POST", f"/{kind}", body))
    return (yield from wait(started, report, timeout_s))


def compute(body: Body, report: Report[Job] | None, timeout_s: float | None) -> Steps[Job]:
    """Start a job and wait for its end."""
    started = yield from request_one(Job, Call("POST", "/job", body))
    return (yield from wait(started, report, timeout_s))
