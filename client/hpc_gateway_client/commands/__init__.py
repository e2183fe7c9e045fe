"""The command `hpc-gateway`: a user's commands, and those that other distributions add.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the work ended badly, 4 not found,
5 the gateway does not answer, 6 still running when the time allowed was over, 130 interrupted.
"""

import sys
from http import HTTPStatus

import typer

from hpc_gateway_client.commands import infrastructure, jobs, output, retry, run, status, transfers
from hpc_gateway_client.commands.extensions import ExtensibleGroup, NotInstalled, expected_errors
from hpc_gateway_client.errors import JobFailed, Refused, StillRunning, TransferFailed, Unreachable

FAILED, WRONG_USAGE, ENDED_BADLY, NOT_FOUND, UNREACHABLE, STILL_RUNNING = range(1, 7)

app = typer.Typer(
    cls=ExtensibleGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A gateway between cloud applications and HPC clusters.",
)
app.command("run")(run.run)
app.command("retry")(retry.retry_matching)
app.command("status")(status.show_status)
app.add_typer(jobs.app, name="jobs")
app.add_typer(transfers.app, name="transfers")
app.add_typer(infrastructure.app, name="infrastructure")


def main() -> None:
    """Run a command; print an expected error as one line on stderr and exit with its code."""
    try:
        app()
    except Exception as error:
        if not isinstance(error, expected_errors()):
            raise
        hint = "; is its address right (--url, or GATEWAY_URL)?" if isinstance(error, Unreachable) else ""
        output.print_error(f"{error}{hint}")
        sys.exit(exit_code(error))


def exit_code(error: Exception) -> int:
    """Return the exit code of an error."""
    match error:
        case TransferFailed() | JobFailed():
            return ENDED_BADLY
        case Refused(status=HTTPStatus.NOT_FOUND):
            return NOT_FOUND
        case Unreachable():
            return UNREACHABLE
        case StillRunning():
            return STILL_RUNNING
        case NotInstalled():
            return WRONG_USAGE
        case _:
            return FAILED
