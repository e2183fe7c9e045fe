"""CORS: pages of the allowed origins may read the answers. Tokens, not cookies, identify their users."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from gateway.settings import get_settings

READABLE = ("ETag", "Retry-After", "X-Request-ID")
_PREFLIGHT_S = 600


def allow_pages(app: FastAPI) -> None:
    """Answer preflight requests of the allowed origins, and name these in all answers to them."""
    if origins := get_settings().allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=READABLE,
            max_age=_PREFLIGHT_S,
        )
