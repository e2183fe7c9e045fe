"""`hpc-gateway demo`: the whole service on this machine, and the three-step workflow on a real recording."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running until Ctrl-C.")] = False,
    picture: Annotated[Path, typer.Option(help="Where to draw signal and spectrum.")] = Path(
        "hpc-gateway-demo.png"
    ),
) -> None:
    """Start the whole service here, run the three steps on a real recording, and stop again."""
    from hpc_gateway_commands.demo.run import run_demo  # noqa: PLC0415  its packages are the extra `demo`

    run_demo(picture, keep=keep)
