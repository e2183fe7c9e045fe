"""`/services`: the services of a job and their options."""

from typing import Any

from fastapi import APIRouter

from api.one_hop import OneHopRoute
from api.problems import responses
from api.schemas.jobs import Service
from gateway.jobs.services import SERVICES, option_schema

router = APIRouter(tags=["services"], route_class=OneHopRoute)


@router.get("/services")
async def list_services() -> list[Service]:
    """List the services, in the contract's order."""
    return [Service(name=name) for name in SERVICES]


@router.get("/services/{name}/options", responses=responses(404))
async def get_options(name: str) -> dict[str, Any]:
    """Show the JSON Schema of a job's `params.<service>`."""
    return option_schema(name)
