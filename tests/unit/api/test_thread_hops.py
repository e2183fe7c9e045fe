"""Thread hops: no dependency of a route blocks, and no endpoint enters the thread pool by FastAPI's way."""

import subprocess
import sys
from collections.abc import Iterator
from inspect import isasyncgenfunction, iscoroutinefunction

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.app import RATE_LIMITED
from api.routers import health, metrics, services

ROUTES = [
    route
    for module in (*RATE_LIMITED, services, health, metrics)
    for route in module.router.routes
    if isinstance(route, APIRoute)
]


def dependencies(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from dependencies(each)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_no_dependency_enters_the_thread_pool(route: APIRoute) -> None:
    for each in dependencies(route.dependant):
        call = each.call
        runs_in_loop = iscoroutinefunction(call) or isasyncgenfunction(call)
        assert runs_in_loop or iscoroutinefunction(type(call).__call__), call
    assert iscoroutinefunction(route.dependant.call)


def test_full_collections_pass_over_all_that_is_there_after_the_start() -> None:
    look = (
        "import gc; from api.server import make_application; make_application(); print(gc.get_freeze_count())"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert int(said.stdout) > 100_000
