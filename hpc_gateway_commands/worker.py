"""`hpc-gateway worker`: the workers of clusters, and the housekeeping."""

from typing import Annotated

import typer

from gateway import processes


def worker(
    names: Annotated[
        list[str] | None, typer.Argument(help="Clusters to serve, as the configuration names them.")
    ] = None,
    *,
    housekeeping: Annotated[
        bool, typer.Option("--housekeeping", help="Do the gateway's housekeeping too.")
    ] = False,
    remote: Annotated[
        bool, typer.Option("--remote", help="Serve the clusters that are added over REST, while it runs.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(help="Transfers at once, and besides them submissions, of each cluster.")
    ] = 4,
) -> None:
    """Serve clusters: stage files, submit and watch jobs. Runs where their scheduler and files are."""
    if not names and not housekeeping and not remote:
        raise typer.BadParameter("name a cluster to serve, or say --remote or --housekeeping")
    flags = [*(["--housekeeping"] if housekeeping else []), *(["--remote"] if remote else [])]
    words = [*flags, "--concurrency", str(concurrency)]
    processes.become("workers.launch:launch", *words, "--", *(names or []))
