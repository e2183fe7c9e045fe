"""`/retry`: a bulk retry of the failed transfers and jobs that a filter finds."""

from dataclasses import asdict

from fastapi import APIRouter

from api.bulk_retries import retry_in_batches
from api.deps import Operator, read
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.row_actions import ActingCaller, Actor
from api.schemas.retries import BulkItem, BulkRetried, BulkRetry
from gateway.db import session_scope
from gateway.operations import retries

router = APIRouter(tags=["operators"], route_class=OneHopRoute)


@router.post("/retry", responses=responses(400, 403, 409, 422, 503))
def retry_many(_operator: Operator, actor: ActingCaller, answers: Answers, body: BulkRetry) -> BulkRetried:
    """Retry the rows that the filter finds; `dry_run`, the default, only lists them."""
    with answers.acquired():
        result = _retry_filtered(body, actor)
        with session_scope() as session:  # after many transactions; a repetition finds no row that is retried
            return answers.store(session, result)


def _retry_filtered(body: BulkRetry, actor: Actor) -> BulkRetried:
    rows, kinds = body.filter.to_filter(), body.filter.kind
    candidates = read(lambda session: retries.find_retryable(session, rows, kinds, body.resources))
    if not body.dry_run:
        candidates = retry_in_batches(candidates, actor.name(body.by), body.reason, body.resources)
    items = [BulkItem(**asdict(each)) for each in candidates]
    retried = sum(not item.refusal for item in items)
    return BulkRetried(dry_run=body.dry_run, found=len(items), retried=retried, items=items)
