"""The application of a test: settings, middleware and document of its own, routes that were resolved once."""

from functools import cache

from fastapi import FastAPI
from starlette.routing import BaseRoute

from api.app import create_app


@cache
def _routes() -> list[BaseRoute]:
    """Return the routes of the first application: FastAPI takes 0.1 s at their first request."""
    return create_app().router.routes


def make_app() -> FastAPI:
    """Return a new application."""
    app = create_app()
    own = [each for each in app.router.routes if getattr(each, "path", "") == app.openapi_url]
    app.router.routes[:] = [*own, *_routes()]  # the first one that fits: the document is that of its settings
    return app
