"""`hpc-gateway worker`: the workers of clusters, the housekeeping, the delivery of webhooks."""

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
    webhooks: Annotated[bool, typer.Option("--webhooks", help="Deliver webhooks too.")] = False,
    concurrency: Annotated[
        int, typer.Option(help="Transfers at once, and besides them submissions, of each cluster.")
    ] = 4,
) -> None:
    """Serve clusters: stage files, submit and watch jobs. Runs where their scheduler and files are."""
    if not (names or housekeeping or remote or webhooks):
        raise typer.BadParameter("name a cluster to serve, or say --remote, --housekeeping or --webhooks")
    chosen = {"--housekeeping": housekeeping, "--remote": remote, "--webhooks": webhooks}
    words = [*(word for word, is_chosen in chosen.items() if is_chosen), "--concurrency", str(concurrency)]
    processes.become("workers.launch:launch", *words, "--", *(names or []))
