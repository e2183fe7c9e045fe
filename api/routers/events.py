"""`/events`: the events of all rows that the caller may see, as a stream."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.deps import Caller
from api.event_streams import MEDIA_TYPE, LastEventId, asks_for_stream, open_stream
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


@router.get("/events", response_class=Response, responses=STREAM | responses(400, 406, 429, 503))
async def stream_events(request: Request, caller: Caller, last_event_id: LastEventId = None) -> Response:
    """Stream events from now on, or from behind `Last-Event-ID`: one's own, and for operators all."""
    if not asks_for_stream(request):
        raise NotAcceptable(f"this is a stream of events: send `Accept: {MEDIA_TYPE}`")
    cursor = parse_cursor(last_event_id) if last_event_id else None
    return await open_stream(request, caller, FeedScope(owner=caller.only_owner), cursor)
