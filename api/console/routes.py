"""All routes of the console, in the order in which paths are matched."""

from fastapi import APIRouter

from api.console import (
    account,
    assets,
    clusters,
    downloads,
    figures,
    find,
    home,
    members,
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
for module in (assets, sign_in, provider, start, downloads, figures, plots, work, members, rows):
    router.routes.extend(module.router.routes)
for module in (run_commands, row_commands, clusters, operators, account, webhooks, find, home):
    router.routes.extend(module.router.routes)
