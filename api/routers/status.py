"""`/status`: the statuses of many transfers and jobs at once."""

from fastapi import APIRouter, Response

from api.deps import Caller
from api.problems import responses
from api.row_reads import list_statuses
from api.schemas.shapes import AnyStatus, StatusRequest

router = APIRouter(tags=["status"])


@router.post("/status", response_model=list[AnyStatus | None], responses=responses(400, 408, 413, 431, 503))
def get_statuses(caller: Caller, body: StatusRequest) -> Response:
    """Show where many transfers and jobs stand, in the order of their ids; null for an unknown id."""
    return list_statuses(body.ids, caller)
