"""`/retry` and `/cancel`: bulk actions on the transfers and jobs that a filter finds."""

from dataclasses import asdict
from functools import partial

from fastapi import APIRouter

from api.bulk_actions import act_in_batches
from api.deps import Operator, read
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.row_actions import ActingCaller
from api.schemas.retries import BulkCancel, BulkCancelled, BulkItem, BulkRetried, BulkRetry
from gateway.db import session_scope
from gateway.operations import bulk
from gateway.operations.bulk import Act, Candidate

router = APIRouter(tags=["operators"], route_class=OneHopRoute)
_PROBLEMS = responses(400, 403, 409, 422, 503)


@router.post("/retry", responses=_PROBLEMS)
def retry_many(_operator: Operator, actor: ActingCaller, answers: Answers, body: BulkRetry) -> BulkRetried:
    """Retry the rows that the filter finds; `dry_run`, the default, only lists them."""
    selection, resources = body.filter.to_selection(), body.resources
    act = partial(bulk.retry_row, actor=actor.name(body.by), why=body.reason, resources=resources)
    with answers.acquired():
        found = read(lambda session: bulk.find_retryable(session, selection, resources))
        items = _carry_out(found, act, dry_run=body.dry_run)
        done = BulkRetried(dry_run=body.dry_run, found=len(items), retried=_count(items), items=items)
        with session_scope() as session:  # after many transactions; a repetition finds no row that is retried
            return answers.store(session, done)


@router.post("/cancel", responses=_PROBLEMS)
def cancel_many(
    _operator: Operator, actor: ActingCaller, answers: Answers, body: BulkCancel
) -> BulkCancelled:
    """Cancel the rows that the filter finds; `dry_run`, the default, only lists them."""
    selection = body.filter.to_selection()
    act = partial(bulk.cancel_row, actor=actor.name(body.by), why=body.reason)
    with answers.acquired():
        found = read(lambda session: bulk.find_unfinished(session, selection))
        items = _carry_out(found, act, dry_run=body.dry_run)
        done = BulkCancelled(dry_run=body.dry_run, found=len(items), cancelled=_count(items), items=items)
        with session_scope() as session:
            return answers.store(session, done)


def _carry_out(found: list[Candidate], act: Act, *, dry_run: bool) -> list[BulkItem]:
    return [BulkItem(**asdict(each)) for each in (found if dry_run else act_in_batches(found, act))]


def _count(items: list[BulkItem]) -> int:
    return sum(not item.refusal for item in items)
