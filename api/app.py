"""The application: routers, problems, and URLs that work with and without a trailing slash."""

from fastapi import Depends, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import gateway.queue  # noqa: F401  it sends the messages that commits of the API ask for
from api import idempotency, problems
from api.body_limits import BodyLimits
from api.openapi import describe
from api.rate_limit import limit_rate
from api.request_metrics import RequestMetrics
from api.routers import (
    credentials,
    data,
    health,
    infrastructure,
    job,
    metrics,
    overview,
    retry,
    s3_data,
    s3_result,
    services,
)
from gateway import tracing

DESCRIPTION = """
Upload a CSV to S3, then three calls do the rest, each polled until done:
`POST /s3_data` (object to cluster), `POST /job` (kernels), `POST /s3_result` (result to S3).
"""


PACED = (infrastructure, credentials, data, s3_data, s3_result, job, retry, overview)
BOUNDS = problems.responses(408, 413, 429, 431)


class TrailingSlash:
    """Serve `/job/` as `/job`: a redirect would lose the body of some clients' POST."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the slash off and pass the request on."""
        if scope["type"] == "http" and scope["path"] != "/":
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


def create_app() -> FastAPI:
    """Build the application."""
    app = FastAPI(
        title="HPC Gateway", version="0.1.0", description=DESCRIPTION, redirect_slashes=False, redoc_url=None
    )
    app.add_middleware(BodyLimits)
    app.add_middleware(RequestMetrics)
    app.add_middleware(TrailingSlash)
    problems.install_problem_handlers(app)
    idempotency.install_idempotency(app)
    for module in PACED:
        app.include_router(module.router, dependencies=[Depends(limit_rate)], responses=BOUNDS)
    for module in (services, health, metrics):
        app.include_router(module.router)
    app.get("/ui", include_in_schema=False)(_ui)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    if tracing.is_enabled():
        _trace(app)
    return app


def _trace(app: FastAPI) -> None:
    """Trace requests; nobody wants to see the health checks and the scrapes."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415  the extra

    tracing.start("hpc-gateway-api")
    FastAPIInstrumentor.instrument_app(app, excluded_urls="health,metrics")


def _ui() -> HTMLResponse:
    """Serve Swagger UI where the first generation had it."""
    return get_swagger_ui_html(openapi_url="/openapi.json", title="HPC Gateway")
