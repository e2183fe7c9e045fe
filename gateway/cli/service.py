"""The commands that run the gateway itself. What stands above the domain is imported only inside them."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.errors import GatewayError
from gateway.settings import get_settings


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running until Ctrl-C.")] = False,
    picture: Annotated[Path, typer.Option(help="Where to draw signal and spectrum.")] = Path(
        "hpc-gateway-demo.png"
    ),
) -> None:
    """Start the whole service here, run the three steps on a real recording, and stop again."""
    from gateway.demo.run import run_demo  # noqa: PLC0415  the demo's packages are an extra

    run_demo(picture, Console(), keep=keep)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
) -> None:
    """Serve the REST API."""
    import uvicorn  # noqa: PLC0415  a second of start-up that no other command needs

    from gateway.encryption import check_key  # noqa: PLC0415  likewise
    from gateway.logs import configure_logging  # noqa: PLC0415  likewise
    from gateway.operations import exposure  # noqa: PLC0415  likewise

    configure_logging()
    check_key()
    exposure.check_exposure(host)
    exposure.warn_of_shared_roots()
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_config=None,
        forwarded_allow_ips=get_settings().trusted_proxies,
    )


def worker(
    names: Annotated[
        list[str] | None, typer.Argument(help="Clusters to serve, as the configuration names them.")
    ] = None,
    *,
    housekeeping: Annotated[
        bool, typer.Option("--housekeeping", help="Do the gateway's housekeeping too.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(help="Transfers and submissions at once, for each cluster.")
    ] = 4,
) -> None:
    """Serve clusters: stage files, submit and watch jobs. Runs where their scheduler and files are."""
    from gateway.encryption import check_key  # noqa: PLC0415  see serve
    from workers.launch import run_workers  # noqa: PLC0415  likewise

    if not names and not housekeeping:
        raise typer.BadParameter("name a cluster to serve, or say --housekeeping")
    check_key()
    raise typer.Exit(run_workers(names or [], housekeeping=housekeeping, concurrency=concurrency))


def doctor(
    name: Annotated[str, typer.Argument(help="The cluster, as the configuration names it.")],
) -> None:
    """Check what a cluster's worker needs, here and on a compute node, and say what to do."""
    from gateway.clusters import catalog  # noqa: PLC0415  see serve
    from gateway.operations.doctor import examine  # noqa: PLC0415  likewise

    configured = catalog.configured_clusters()
    if name not in configured:
        raise GatewayError(f"{name!r} is not in the configuration file; it defines {sorted(configured)}")
    well = True
    for finding in examine(configured[name]):
        well = well and finding.well
        typer.echo(f"{'well' if finding.well else 'NOT WELL'}: {finding.check}: {finding.found}")
        if finding.advice:
            typer.echo(f"  {finding.advice}")
    raise typer.Exit(0 if well else 1)


def beat() -> None:
    """Ask for the sweeps that re-send what got lost; several at once do no harm."""
    argv = [sys.executable, "-m", "celery", "-A", "gateway.queue", "beat", "--loglevel", "INFO", "--pidfile="]
    os.execv(argv[0], argv)  # noqa: S606  no shell wanted: Celery takes this process over, signals included


def flower(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5555,
) -> None:
    """Show the tasks in Flower, behind the password of GATEWAY_FLOWER_BASIC_AUTH."""
    password = get_settings().flower_basic_auth
    if password is None:
        raise GatewayError(
            "set GATEWAY_FLOWER_BASIC_AUTH=user:password: Flower shows all work and can stop it"
        )
    os.environ["FLOWER_BASIC_AUTH"] = password.get_secret_value()  # a command line is public
    argv = [
        *(sys.executable, "-m", "celery", "-A", "workers.app", "flower"),
        *(f"--address={host}", f"--port={port}"),
    ]
    os.execv(argv[0], argv)  # noqa: S606  see beat


def migrate(
    revision: Annotated[str, typer.Argument(help="The version to bring the database to.")] = "head",
) -> None:
    """Create the database or bring it to the newest version; safe to start several times at once."""
    from gateway.db import get_engine  # noqa: PLC0415  see serve
    from migrations import upgrade  # noqa: PLC0415  likewise

    upgrade(get_engine(), revision)


def key() -> None:
    """Print a new key for GATEWAY_CREDENTIALS_KEY."""
    from gateway.encryption import new_key  # noqa: PLC0415  see serve

    typer.echo(new_key())


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (demo, serve, worker, doctor, beat, flower, migrate, key):
        app.command()(command)
