"""`hpc-gateway beat` and `hpc-gateway flower`: Celery takes the process over, signals included."""

import os
from typing import Annotated

import typer

from gateway import processes
from gateway.errors import GatewayError
from gateway.settings import get_settings
from hpc_gateway_commands.ports import FLOWER_PORT

# `args` has the id of the row, also of `jobs.finish`; `exception` has the reason.
TASK_COLUMNS = "name,uuid,args,state,exception,received,runtime,worker"


def beat() -> None:
    """Send the periodic tasks, which send lost work again; several at once do no harm."""
    processes.become(processes.CELERY, "-A", "gateway.queue", "beat", "--loglevel", "INFO", "--pidfile=")


def flower(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = FLOWER_PORT,
) -> None:
    """Show the tasks in Flower, behind the password of GATEWAY_FLOWER_BASIC_AUTH."""
    settings = get_settings()
    password = settings.flower_basic_auth
    if password is None:
        raise GatewayError(
            "set GATEWAY_FLOWER_BASIC_AUTH=user:password: Flower shows all work and can stop it"
        )
    os.environ["FLOWER_BASIC_AUTH"] = password.get_secret_value()  # a command line is public
    address = (f"--address={host}", f"--port={port}")
    columns = f"--tasks-columns={TASK_COLUMNS}"
    prefix = (f"--url-prefix={settings.flower_root_path}",) if settings.flower_root_path else ()
    processes.become(processes.CELERY, "-A", "workers.flower", "flower", columns, *address, *prefix)
