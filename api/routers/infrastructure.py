"""`/infrastructure`: the clusters and their live figures."""

import time
from http import HTTPStatus

from fastapi import APIRouter
from sqlalchemy.orm import Session

from api.deps import Admin, Caller, read
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.schemas.infrastructure import InfrastructureRequest, InfrastructureSummary, InfrastructureTelemetry
from gateway.callers import Scope
from gateway.clusters import catalog, heartbeats, telemetry
from gateway.clusters.configuration import Cluster, worker_command
from gateway.db import session_scope
from gateway.errors import Unavailable
from gateway.models import Telemetry

ANSWER_S = 4.0
PAUSE_S = 0.1
router = APIRouter(prefix="/infrastructure", tags=["infrastructure"], route_class=OneHopRoute)


@router.post(
    "", status_code=201, response_model_exclude_unset=True, responses=responses(400, 403, 409, 422, 503)
)
def add_infrastructure(_admin: Admin, answers: Answers, body: InfrastructureRequest) -> InfrastructureSummary:
    """Add or replace a cluster; an entry of the operator's configuration stays as it is."""
    with answers.acquired(), session_scope() as session:
        password = body.ssh_key.password.get_secret_value()
        cluster = catalog.add_cluster(session, body.name, body.definition(), password)
        return answers.store(session, _summarize(session, cluster), HTTPStatus.CREATED)


@router.delete("/{name}", status_code=204, responses=responses(403, 404, 409, 503))
def delete_infrastructure(_admin: Admin, name: str) -> None:
    """Remove a cluster that was added over REST; 409 while rows of it are unfinished."""
    with session_scope() as session:
        catalog.delete_cluster(session, name)


@router.get("", response_model_exclude_unset=True, responses=responses(503))
def list_infrastructures(_caller: Caller) -> list[InfrastructureSummary]:
    """List the clusters by name."""
    return read(lambda session: [_summarize(session, cluster) for cluster in catalog.list_clusters(session)])


@router.get("/{name}", response_model_exclude_unset=True, responses=responses(404, 503))
def get_infrastructure(_caller: Caller, name: str) -> InfrastructureSummary:
    """Show one cluster."""
    return read(lambda session: _summarize(session, catalog.get_cluster(session, name)))


@router.get("/{name}/telemetry", response_model_exclude_unset=True, responses=responses(404, 503))
def get_telemetry(caller: Caller, name: str) -> InfrastructureTelemetry:
    """Show the scheduler's figures, a few seconds old at most."""
    cluster = read(lambda session: catalog.get_cluster(session, name))
    figures = _wait_for_telemetry(cluster)
    if figures is None:
        raise Unavailable(_missing_part(cluster, explain=caller.scope.holds(Scope.OPERATOR)))
    return InfrastructureTelemetry.from_telemetry(cluster, figures)


def _wait_for_telemetry(cluster: Cluster) -> Telemetry | None:
    """Return the stored figures; if they are too old, request new ones and wait for them."""
    figures = read(lambda session: telemetry.fresh_telemetry(session, cluster.name))
    if figures is not None:
        return figures
    with session_scope() as session:
        telemetry.request_telemetry(session, cluster.name)
    deadline = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        time.sleep(PAUSE_S)
        figures = read(lambda session: telemetry.fresh_telemetry(session, cluster.name))
        if figures is not None:
            return figures
    return None


def _missing_part(cluster: Cluster, *, explain: bool) -> str:
    """Return the sentence about the part that is away; its own error may hold paths."""
    health = read(lambda session: heartbeats.health_of_clusters(session, [cluster]))[cluster.name]
    if health.worker:
        return f"no worker of {cluster.name!r} answers; telemetry needs {worker_command(cluster.name)}"
    if health.scheduler:
        error = f": {health.scheduler}" if explain else ""
        return f"the scheduler of {cluster.name!r} gives no figures now, its worker is connected{error}"
    return f"the worker of {cluster.name!r} is connected and gave no figures within {ANSWER_S:g} s: ask again"


def _summarize(session: Session, cluster: Cluster) -> InfrastructureSummary:
    """Return the summary, with the part that an entry lacks, or the difference to the worker's definition."""
    reason = catalog.find_missing(session, cluster.name) or heartbeats.find_difference(session, cluster)
    return InfrastructureSummary.of(cluster, reason)
