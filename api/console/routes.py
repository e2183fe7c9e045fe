"""All routes of the console, in the order in which paths are matched."""

from fastapi import APIRouter

from api.console import (
    account,
    assets,
    clusters,
    home,
    operators,
    provider,
    row_commands,
    rows,
    run_commands,
    sign_in,
    work,
)

MODULES = (
    assets,
    sign_in,
    provider,
    work,
    rows,
    run_commands,
    row_commands,
    clusters,
    operators,
    account,
    home,
)
router = APIRouter(include_in_schema=False)
for module in MODULES:
    router.routes.extend(module.router.routes)
