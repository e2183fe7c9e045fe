"""`/services`: what can be run."""

from fastapi import APIRouter

from api.schemas import Service
from gateway.services import SERVICES

router = APIRouter(tags=["services"])


@router.get("/services")
def list_services() -> list[Service]:
    """List the services, in the contract's order."""
    return [Service(name=name) for name in SERVICES]
