"""The routes of staged tables, which the collections of stage in share: `/table` and `/preview`."""

from fastapi import APIRouter, Request, Response

from api.deps import Caller, RowId, read
from api.problems import responses
from api.schemas.tables import Preview, TableJudgement, ViewQuery
from api.status_reads import UNCHANGED
from api.tagged_body import respond_tagged
from gateway.db import session_scope
from gateway.errors import NotFound
from gateway.models import Transfer
from gateway.previews.packed import unpack_preview
from gateway.previews.preview import Preview as StoredPreview
from gateway.states import JudgementState, TransferState, is_final
from gateway.tables import judgement as judgements
from gateway.transfers import lifecycle as transfers
from gateway.work.listing import Kind


def add_table_routes(router: APIRouter, kind: Kind) -> None:
    """Add the routes to the router of a collection."""

    @router.get(
        "/{id}/table",
        name=f"get_{kind}_table",
        response_model=TableJudgement,
        responses=UNCHANGED | responses(404, 503),
    )
    def get_table(request: Request, caller: Caller, row_id: RowId) -> Response:
        """Show how the kernels understand the staged table; it is judged in the background."""
        row = read(lambda session: transfers.get(session, caller, kind, row_id))
        return respond_tagged(request, judge_transfer(row).model_dump_json().encode())

    @router.get(
        "/{id}/preview",
        name=f"get_{kind}_preview",
        response_model=Preview,
        responses=UNCHANGED | responses(400, 404, 503),
    )
    def get_preview(request: Request, caller: Caller, row_id: RowId, view: ViewQuery) -> Response:
        """Show the smallest and the largest sample of each stretch of the staged table."""
        row = read(lambda session: transfers.get(session, caller, kind, row_id))
        return respond_tagged(request, StoredPreview(read_preview(row)).show(view))


def judge_transfer(row: Transfer) -> TableJudgement:
    """Return the judgement of a transfer's table; request it where it is missing."""
    if not is_final(row.state):
        early = read(lambda session: judgements.judgement_of(session, row.id))
        if early is None or early.state is not JudgementState.KNOWN:
            return TableJudgement(state=JudgementState.JUDGING)
        return TableJudgement.of(early)
    if row.state is not TransferState.COMPLETED:
        return TableJudgement(state=JudgementState.UNKNOWN, reason=f"the transfer is {row.state}")
    if row.children is not None:
        reason = "a prefix has no table of its own; each file below it is a transfer with one"
        return TableJudgement(state=JudgementState.UNKNOWN, reason=reason)
    found = read(lambda session: judgements.judgement_of(session, row.id))
    if found is None:
        with session_scope() as session:
            found = judgements.request_one(session, row)
    return TableJudgement.of(found) if found else TableJudgement(state=JudgementState.UNKNOWN)


def read_preview(row: Transfer) -> bytes:
    """Return the preview of a transfer's table, or raise NotFound."""
    judge_transfer(row)  # it may have to be requested
    packed = read(lambda session: judgements.preview_of(session, row.id))
    if packed is None:
        raise NotFound(f"the table of {row.kind} {row.id} has no preview yet, or none: ask for its /table")
    return unpack_preview(packed)
