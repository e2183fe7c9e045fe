"""The command `hpc-gateway`: a user's commands, and those that other distributions add.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the work ended badly, 4 not found,
5 the gateway does not answer, 6 still running when the time allowed was over, 130 interrupted.
"""

import sys
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated

import typer

from hpc_gateway_client.commands import (
    infrastructure,
    jobs,
    output,
    retry,
    run,
    service_list,
    status,
    transfers,
    workflow,
)
from hpc_gateway_client.commands.config import use_profile
from hpc_gateway_client.commands.extensions import ExtensibleGroup, NotInstalled, expected_errors
from hpc_gateway_client.errors import (
    JobFailed,
    Refused,
    StillRunning,
    TransferFailed,
    Unreachable,
    WorkflowFailed,
    WrongAddress,
)

FAILED, WRONG_USAGE, ENDED_BADLY, NOT_FOUND, UNREACHABLE, STILL_RUNNING = range(1, 7)

app = typer.Typer(
    cls=ExtensibleGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A gateway between cloud applications and HPC clusters.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:  # noqa: FBT001  Typer calls it so
    if value:
        typer.echo(f"hpc-gateway-client {version('hpc-gateway-client')}")
        raise typer.Exit


@app.callback()
def prepare(
    *,
    gateway: Annotated[
        str | None,
        typer.Option(envvar="GATEWAY_PROFILE", help="Profile of ~/.config/hpc-gateway/config.toml."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Give the command the defaults of a profile."""
    use_profile(gateway)


app.command("run")(run.run)
app.command("services")(service_list.list_services)
app.command("retry")(retry.retry_matching)
app.command("cancel")(retry.cancel_matching)
app.command("status")(status.show_status)
app.add_typer(workflow.app, name="workflow")
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
        output.print_error(f"{error}{_hint(error)}")
        sys.exit(exit_code(error))


def _hint(error: Exception) -> str:
    """Return the options that may cure an error."""
    match error:
        case Unreachable():
            return "; is its address right (--url, or GATEWAY_URL)?"
        case Refused(status=HTTPStatus.NOT_IMPLEMENTED):
            return " (on the command line: --bucket, or GATEWAY_BUCKET)"
        case _:
            return ""


def exit_code(error: Exception) -> int:
    """Return the exit code of an error."""
    match error:
        case TransferFailed() | JobFailed() | WorkflowFailed():
            return ENDED_BADLY
        case Refused(status=HTTPStatus.NOT_FOUND):
            return NOT_FOUND
        case Unreachable():
            return UNREACHABLE
        case StillRunning():
            return STILL_RUNNING
        case NotInstalled() | WrongAddress():
            return WRONG_USAGE
        case _:
            return FAILED
