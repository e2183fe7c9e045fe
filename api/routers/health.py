"""`/health`: liveness of the process, and readiness of its database, broker and clusters."""

from dataclasses import asdict

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.clusters import catalog, heartbeats
from gateway.clusters.heartbeats import ClusterHealth
from gateway.db import session_scope
from gateway.queue.depth import queue_depths

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """The health of the service and of its parts."""

    status: str
    checks: dict[str, str] = {}
    clusters: dict[str, dict[str, str]] = Field(
        {}, description="For each cluster its worker, scheduler and filesystem."
    )


@router.get("/live")
def live() -> Health:
    """Answer while the process is alive."""
    return Health(status="ok")


@router.get("/ready", responses={503: {"model": Health, "description": "The database is away"}})
def ready(response: Response) -> Health:
    """Show whether requests can be accepted: that needs the database; without the rest they wait."""
    database, clusters = _database()
    broker, _ = queue_depths([])
    checks = {"database": database or "ok", "broker": broker or "ok"}
    if database:
        response.status_code = 503
        return Health(status="unavailable", checks=checks)
    health = {name: _cluster_checks(cluster) for name, cluster in clusters.items()}
    return Health(status="degraded" if broker else "ok", checks=checks, clusters=health)


def _cluster_checks(health: ClusterHealth) -> dict[str, str]:
    return {part: problem or "ok" for part, problem in asdict(health).items()}


def _database() -> tuple[str, dict[str, ClusterHealth]]:
    try:
        with session_scope(read_only=True) as session:
            session.execute(text("SELECT version_num FROM alembic_version"))
            return "", heartbeats.health_of_clusters(session, catalog.list_clusters(session))
    except SQLAlchemyError as error:
        return f"away ({type(error).__name__}); run `hpc-gateway migrate` if the database is new", {}
