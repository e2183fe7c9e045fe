"""Rows by the id that a user gives: a whole one, or the beginning of exactly one."""

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from uuid import UUID

from hpc_gateway_client.errors import GatewayClientError, Refused
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import TRANSFER_KINDS, Job, Transfer, Workflow

Row = Transfer | Job
NEWEST = 1000  # of each kind, among which the beginning of an id is looked for
_GROUPS = {"job": "jobs", "workflow": "workflow"}
_BEGINNING = re.compile(r"[0-9a-f]{4,32}")


def find_row(gateway: Gateway, text: str, noun: str = "transfer or job") -> Row:
    """Return the transfer or job; `noun` names it where there is none."""
    try:
        return _row(gateway, text, noun)
    except Refused as refusal:
        raise _pointing(refusal, lambda: _workflow(gateway, text)) from None


def find_workflow(gateway: Gateway, text: str) -> Workflow:
    """Return the workflow."""
    try:
        return _workflow(gateway, text)
    except Refused as refusal:
        raise _pointing(refusal, lambda: _row(gateway, text, "row")) from None


def _row(gateway: Gateway, text: str, noun: str) -> Row:
    row: Row = _find(text, noun, gateway.find, lambda: _newest_rows(gateway))
    return row


def _workflow(gateway: Gateway, text: str) -> Workflow:
    newest = lambda: iter(gateway.workflows(limit=NEWEST).items)  # noqa: E731  a name shortens the line
    row: Workflow = _find(text, "workflow", gateway.workflow, newest)
    return row


def _pointing(refusal: Refused, other: Callable[[], Row | Workflow]) -> Refused:
    """Return the refusal, with the command that shows the row of another kind whose id it is."""
    if refusal.status != HTTPStatus.NOT_FOUND:
        return refusal
    try:
        row = other()
    except GatewayClientError:
        return refusal
    group = _GROUPS.get(row.kind, "transfers")
    return Refused(
        refusal.status, f"{refusal}; it is a {group.rstrip('s')}: hpc-gateway {group} show {row.id}"
    )


def _find(text: str, noun: str, find: Callable[[str], Any], newest: Callable[[], Iterator[Any]]) -> Any:
    if _is_whole(text):
        try:
            return find(text)
        except Refused as refusal:
            if refusal.status != HTTPStatus.NOT_FOUND:
                raise
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no {noun} {text}")
    beginning = text.replace("-", "").lower()
    if not _BEGINNING.fullmatch(beginning):
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no {noun} {text!r}: an id has 32 hexadecimal digits")
    return _only(text, noun, [row for row in newest() if row.id.hex.startswith(beginning)])


def _only(text: str, noun: str, found: list[Any]) -> Any:
    if not found:
        among = f"among the newest {NEWEST} of a kind"
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no {noun} whose id begins with {text} {among}")
    if len(found) > 1:
        ids = ", ".join(str(row.id) for row in found[:5])
        raise GatewayClientError(f"{text} is the beginning of {len(found)} ids: {ids}; give more of it")
    return found[0]


def _newest_rows(gateway: Gateway) -> Iterator[Row]:
    yield from gateway.jobs(limit=NEWEST).items
    for kind in TRANSFER_KINDS:
        yield from gateway.transfers(kind, limit=NEWEST).items


def _is_whole(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
