"""`/health`: liveness of the process, and readiness of its database, broker and clusters."""

from contextlib import suppress
from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.deps import authenticate
from api.one_hop import OneHopRoute
from gateway.callers import Scope
from gateway.clusters import catalog, heartbeats
from gateway.clusters.heartbeats import ClusterHealth
from gateway.db import session_scope
from gateway.errors import GatewayError
from gateway.queue.depth import queue_depths
from gateway.settings import get_settings

OK, NOT_OK = "ok", "not ok"
router = APIRouter(prefix="/health", tags=["health"], route_class=OneHopRoute)


class Health(BaseModel):
    """The health of the service and of its parts."""

    status: str
    checks: dict[str, str] = {}
    clusters: dict[str, dict[str, str]] = Field(
        {},
        description="For each cluster its worker, scheduler and filesystem: `ok`, or the problem for an"
        " operator and `not ok` for any other caller.",
    )


@router.get("/live")
async def live() -> Health:
    """Answer while the process is alive."""
    return Health(status=OK)


@router.get("", responses={503: {"model": Health, "description": "The database is away"}})
@router.get("/ready", responses={503: {"model": Health, "description": "The database is away"}})
async def ready(request: Request, response: Response) -> Health:
    """Show whether requests can be accepted: that needs the database; without the rest they wait."""
    health, has_database = await run_in_threadpool(_look)
    if not has_database:
        response.status_code = 503
    return health if await _is_operator(request, has_database=has_database) else _without_reasons(health)


def _look() -> tuple[Health, bool]:
    """Return the health with the reasons, and whether the database is there."""
    database, clusters = _database()
    broker, _ = queue_depths([])
    health = Health(
        status="unavailable" if database else "degraded" if broker else OK,
        checks={"database": database or OK, "broker": broker or OK},
        clusters={name: _cluster_checks(cluster) for name, cluster in clusters.items()},
    )
    return health, not database


async def _is_operator(request: Request, *, has_database: bool) -> bool:
    """Return whether an operator asks; a caller whose token is not valid or cannot be checked is none."""
    if not has_database and get_settings().auth == "keys":  # they are in the database
        return False
    with suppress(GatewayError, SQLAlchemyError):
        return (await authenticate(request)).scope.holds(Scope.OPERATOR)
    return False


def _without_reasons(health: Health) -> Health:
    """Return the names and whether each part is well; reasons may hold paths and accounts."""
    clusters = {name: _brief(parts) for name, parts in health.clusters.items()}
    return health.model_copy(update={"checks": _brief(health.checks), "clusters": clusters})


def _brief(checks: dict[str, str]) -> dict[str, str]:
    return {part: OK if found == OK else NOT_OK for part, found in checks.items()}


def _cluster_checks(health: ClusterHealth) -> dict[str, str]:
    return {part: problem or OK for part, problem in asdict(health).items()}


def _database() -> tuple[str, dict[str, ClusterHealth]]:
    try:
        with session_scope(read_only=True) as session:
            session.execute(text("SELECT version_num FROM alembic_version"))
            return "", heartbeats.health_of_clusters(session, catalog.list_clusters(session))
    except SQLAlchemyError as error:
        return f"away ({type(error).__name__}); run `hpc-gateway migrate` if the database is new", {}
