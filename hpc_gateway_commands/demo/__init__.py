"""`hpc-gateway demo`: the whole service on this machine, and the three-step workflow on a real recording."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import GatewayError
from hpc_gateway_client.commands.extensions import INSTALL


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running until Ctrl-C.")] = False,
    picture: Annotated[Path, typer.Option(help="Where to draw signal and spectrum.")] = Path(
        "hpc-gateway-demo.png"
    ),
) -> None:
    """Start the whole service here, run the three steps on a real recording, and stop again."""
    try:
        from hpc_gateway_commands.demo.run import run_demo  # noqa: PLC0415  its packages are the extra `demo`
    except ModuleNotFoundError as error:
        raise GatewayError(
            f"the demo needs {error.name}; install the extra `demo` in a clone of the repository: {INSTALL}"
        ) from error
    run_demo(picture, keep=keep)
