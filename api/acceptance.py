"""Acceptance of new work: the requests of a process that wait are written and committed together."""

from collections.abc import Callable
from typing import Any

from fastapi import Response
from sqlalchemy.orm import Session

from api.batches import Batches
from api.idempotency import respond
from gateway.work.acceptance import Accepted, Draft, Submission, accept
from gateway.work.idempotency import KeyedRequest

_acceptances = Batches[Submission, Accepted]("acceptances", accept)


async def accept_row(
    draft: Callable[[Session], Draft], show: Callable[[Any], str], key: KeyedRequest | None
) -> Response:
    """Answer with the new row once it is committed, or with the stored answer of the request's key."""
    accepted = await _acceptances.result_of(Submission(draft, show, key))
    return respond(accepted.answer, is_repetition=accepted.is_repetition)
