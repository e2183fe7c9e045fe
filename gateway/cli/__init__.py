"""`hpc-gateway`: the one command, for those who run a gateway and for those who use one.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the work ended badly, 4 no such thing,
5 the gateway does not answer, 6 still running when the time allowed was over, 130 interrupted.
"""

import sys

import typer

from gateway.cli import by_filter, credentials, infrastructure, keys, prune, run, service, status, work
from gateway.errors import GatewayError
from hpc_gateway_client import (
    GatewayClientError,
    JobFailed,
    Refused,
    StillRunning,
    TransferFailed,
    Unreachable,
)

ENDED_BADLY, NOT_FOUND, UNREACHABLE, STILL_RUNNING = 3, 4, 5, 6
HTTP_NOT_FOUND = 404

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A gateway between cloud applications and HPC clusters.",
)
service.register(app)
app.command("run")(run.run)
app.command("prune")(prune.prune)
app.command("retry")(by_filter.retry)
app.command("status")(status.status)
app.add_typer(work.jobs, name="jobs")
app.add_typer(work.transfers, name="transfers")
app.add_typer(infrastructure.app, name="infrastructure")
app.add_typer(credentials.app, name="credentials")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command; an error that we foresaw is a line on stderr and an exit code."""
    try:
        app()
    except (GatewayError, GatewayClientError) as error:
        typer.echo(f"hpc-gateway: {error}", err=True)
        sys.exit(exit_code(error))


def exit_code(error: Exception) -> int:
    """Return the exit code of an error, by which a script tells what to do."""
    if isinstance(error, TransferFailed | JobFailed):
        return ENDED_BADLY
    if isinstance(error, Refused) and error.status == HTTP_NOT_FOUND:
        return NOT_FOUND
    if isinstance(error, Unreachable):
        return UNREACHABLE
    return STILL_RUNNING if isinstance(error, StillRunning) else 1
