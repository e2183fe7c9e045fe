"""`/events`: the events of all rows that the caller may see, or of a workflow and its steps, as a stream."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.deps import Caller, parse_id
from api.event_streams import MEDIA_TYPE, LastEventId, asks_for_stream, open_row_stream, open_stream
from api.one_hop import OneHopRoute
from api.problems import responses
from gateway.errors import NotAcceptable
from gateway.events.cursor import parse_cursor
from gateway.events.feed import FeedScope

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The stream: `id` is the place, `event` the state, `data` the event",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
router = APIRouter(tags=["status"], route_class=OneHopRoute)


WorkflowId = Annotated[
    str | None,
    Query(description="The id of a workflow: its events and those of its steps, from the first on."),
]


@router.get("/events", response_class=Response, responses=STREAM | responses(400, 404, 406, 429, 503))
async def stream_events(
    request: Request, caller: Caller, workflow: WorkflowId = None, last_event_id: LastEventId = None
) -> Response:
    """Stream events from now on, or from behind `Last-Event-ID`: one's own, and for operators all."""
    if not asks_for_stream(request):
        raise NotAcceptable(f"this is a stream of events: send `Accept: {MEDIA_TYPE}`")
    if workflow:
        row_id = parse_id(workflow)
        scope = FeedScope(workflow_id=row_id)
        return await open_row_stream(request, "workflow", row_id, caller, last_event_id, scope=scope)
    cursor = parse_cursor(last_event_id) if last_event_id else None
    return await open_stream(request, caller, FeedScope(owner=caller.only_owner), cursor)
