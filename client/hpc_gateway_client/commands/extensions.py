"""Commands and errors that other distributions add to `hpc-gateway` by entry points.

An entry point of the group `hpc_gateway.commands` is a function or a typer.Typer. Its name is the command's;
`group.name` adds to a group of commands. An entry point of the group `hpc_gateway.errors` is an exception
that ends a command with one line instead of a traceback.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from hpc_gateway_client.errors import GatewayClientError

INSTALL = "pip install -c constraints.txt ./client ./kernels '.[demo]'"
_DOCTOR = "Check a cluster's worker, here and on a compute node, and advise on each problem."
# The help of the server's commands, so that `hpc-gateway --help` imports none of their modules.
SERVER_COMMANDS = {
    "beat": "Send the periodic tasks, which send lost work again; several at once do no harm.",
    "credentials": "The secrets in the gateway's database.",
    "demo": "Start the whole service here, run the three steps on a real recording, and stop again.",
    "doctor": _DOCTOR,
    "flower": "Show the tasks in Flower, behind the password of GATEWAY_FLOWER_BASIC_AUTH.",
    "infrastructure.doctor": _DOCTOR,
    "infrastructure.prepare": (
        "Install the kernels on a cluster that is reached over SSH, and compile their machine code there."
    ),
    "key": "Print a new key for GATEWAY_CREDENTIALS_KEY.",
    "keys": "API keys, for GATEWAY_AUTH=keys.",
    "migrate": "Create the database or bring it to the newest version; safe to start several times at once.",
    "prepare-store": "Make the gateway's own bucket unless it is there, and let web pages use its URLs.",
    "prune": "Remove transfers and jobs that ended long ago; runs where the database is, like `migrate`.",
    "serve": "Serve the REST API.",
    "worker": "Serve clusters: stage files, submit and watch jobs. Runs where their scheduler and files are.",
}


class NotInstalled(GatewayClientError):
    """The command belongs to the server, and only the client is installed."""

    def __init__(self, name: str) -> None:
        command = f"hpc-gateway {name.replace('.', ' ')}"
        super().__init__(f"`{command}` needs the server; install it in a clone of its repository: {INSTALL}")


class AddedCommand(TyperCommand):
    """A command of another distribution; its module is imported when the command is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name.rpartition(".")[2], short_help=SERVER_COMMANDS.get(name))
        self._name = name

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Import the real command, and make its context in place of this one's."""
        return self._load().make_context(*args, **extra)

    def _load(self) -> Any:
        if self._name not in added():
            raise NotInstalled(self._name)
        return _command(added()[self._name].load())


class ExtensibleGroup(TyperGroup):
    """A group of commands to which entry points add."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, those of other distributions last."""
        prefix = _prefix(ctx)
        return super().list_commands(ctx) + [
            name.removeprefix(prefix)
            for name in added()
            if name.startswith(prefix) and "." not in name.removeprefix(prefix)
        ]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command of this group's own, or one that an entry point adds."""
        own = super().get_command(ctx, cmd_name)
        name = _prefix(ctx) + cmd_name
        return AddedCommand(name) if own is None and name in SERVER_COMMANDS.keys() | added() else own


@cache
def added() -> dict[str, EntryPoint]:
    """Return the entry points of commands by name."""
    return {point.name: point for point in entry_points(group="hpc_gateway.commands")}


def expected_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that end a command with one line."""
    return (GatewayClientError, *(point.load() for point in entry_points(group="hpc_gateway.errors")))


def _prefix(ctx: Any) -> str:
    return f"{ctx.info_name}." if ctx.parent else ""


def _command(added: Callable[..., None] | typer.Typer) -> Any:
    if isinstance(added, typer.Typer):
        return get_group(added)
    app = typer.Typer(add_completion=False)
    app.command()(added)
    return get_command(app)
