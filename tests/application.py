"""The application of a test: with settings and middleware of its own, and routes that were resolved once."""

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
    app.router.routes[:] = _routes()
    return app
