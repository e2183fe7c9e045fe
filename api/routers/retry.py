"""`/retry`: everything that a filter finds among what ended badly, tried again."""

from dataclasses import asdict

from fastapi import APIRouter

from api.deps import Operator, read
from api.idempotency import Once
from api.problems import responses
from api.row_actions import ActingCaller
from api.schemas.retries import BulkItem, BulkRetried, BulkRetry
from gateway.db import session_scope
from gateway.operations import retries
from gateway.operations.retries import RetryCandidate

CHUNK = 100
router = APIRouter(tags=["operators"])


@router.post("/retry", responses=responses(400, 403, 409, 422, 503))
def retry_many(_operator: Operator, actor: ActingCaller, once: Once, body: BulkRetry) -> BulkRetried:
    """Retry what the filter finds; `dry_run`, the default, only shows it."""
    found = read(lambda session: retries.find_retryable(session, body.filter.wanted(), body.filter.kind))
    if not body.dry_run:
        found = _retried(found, actor.name(body.by), body.reason)
    items = [BulkItem(**asdict(each)) for each in found]
    retried = sum(not item.refusal for item in items)
    shown = BulkRetried(dry_run=body.dry_run, found=len(items), retried=retried, items=items)
    with session_scope() as session:  # many transactions by now; what is retried once is not found again
        return once.keep(session, shown)


def _retried(found: list[RetryCandidate], actor: str, why: str) -> list[RetryCandidate]:
    """Retry in short transactions, each sent once it is committed: workers start while others follow."""
    done: list[RetryCandidate] = []
    for start in range(0, len(found), CHUNK):
        with session_scope() as session:
            done += retries.retry_batch(session, found[start : start + CHUNK], actor, why)
    return done
