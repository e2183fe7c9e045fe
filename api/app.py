"""The FastAPI application: middleware, error handlers and routers."""

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

import gateway.queue  # it sends the messages that commits of the API ask for
import gateway.workflows.advance  # noqa: F401  it begins the steps after those that the API ends
from api import idempotency, problems, swagger_ui
from api.allowed_pages import allow_pages
from api.body_limits import BodyLimits
from api.console import routes as console
from api.cross_site import CrossSite
from api.json_bodies import JsonBodies
from api.methods import HeadRequests
from api.openapi import describe
from api.openapi_names import operation_id
from api.plain_posts import plain_post_routes
from api.plain_status import plain_status_routes
from api.public_address import PublicAddress
from api.rate_limit import limit_rate
from api.request_metrics import RequestMetrics
from api.routers import (
    credentials,
    data,
    events,
    files,
    health,
    infrastructure,
    job,
    metrics,
    outputs,
    overview,
    retry,
    s3_data,
    s3_result,
    services,
    status,
    webhooks,
    workflow,
)
from api.stopping import lifespan
from api.tags import TAGS
from gateway import tracing

DESCRIPTION = """
Upload a CSV to S3, then three calls do the rest, each polled until done:
`POST /s3_data` (object to cluster), `POST /job` (kernels), `POST /s3_result` (result to S3).
"""


RATE_LIMITED = (
    *(infrastructure, credentials, files, data, s3_data, s3_result),
    *(job, outputs, workflow, events, webhooks, retry, overview),
)
LIMIT_PROBLEMS = problems.responses(408, 413, 429, 431)


class SpareSlashes:
    """Middleware that serves `/job/` and `//job` as `/job`: a redirect would lose bodies of some clients."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remove the slashes and pass the request on."""
        if scope["type"] == "http" and (scope["path"].endswith("/") or "//" in scope["path"]):
            scope = {**scope, "path": "/" + "/".join(filter(None, scope["path"].split("/")))}
        await self._app(scope, receive, send)


# The last one is the first that a request meets.
MIDDLEWARE = (JsonBodies, CrossSite, BodyLimits, RequestMetrics, HeadRequests, SpareSlashes, PublicAddress)


def create_app() -> FastAPI:
    """Return a new application."""
    app = FastAPI(
        title="HPC Gateway",
        version="0.1.0",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        redirect_slashes=False,
        docs_url=None,  # api/swagger_ui.py has the page, with assets of this service
        redoc_url=None,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
    )
    for middleware in MIDDLEWARE:
        app.add_middleware(middleware)
    allow_pages(app)
    problems.install_problem_handlers(app)
    idempotency.install_idempotency(app)
    new_work = (module.router for module in (data, s3_data, s3_result, job))
    app.router.routes.extend([*plain_status_routes(), *plain_post_routes(new_work)])
    for module in RATE_LIMITED:
        app.include_router(module.router, dependencies=[Depends(limit_rate)], responses=LIMIT_PROBLEMS)
    for module in (status, services, health, metrics, swagger_ui, console):
        app.include_router(module.router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    if tracing.is_enabled():
        _start_tracing(app)
    return app


def _start_tracing(app: FastAPI) -> None:
    """Trace all requests but health checks and scrapes."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415  the extra

    tracing.start("hpc-gateway-api")
    FastAPIInstrumentor.instrument_app(app, excluded_urls="health,metrics")
