"""All routes of the console, in the order in which paths are matched."""

from fastapi import APIRouter

from api.console import (
    account,
    assets,
    clusters,
    downloads,
    home,
    operators,
    plots,
    provider,
    row_commands,
    rows,
    run_commands,
    sign_in,
    start,
    webhooks,
    work,
)

router = APIRouter(include_in_schema=False)
for module in (assets, sign_in, provider, start, downloads, plots, work, rows, run_commands, row_commands):
    router.routes.extend(module.router.routes)
for module in (clusters, operators, account, webhooks, home):
    router.routes.extend(module.router.routes)
