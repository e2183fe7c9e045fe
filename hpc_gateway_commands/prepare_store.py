"""`hpc-gateway prepare-store`: the gateway's own bucket, for people without a store."""

import typer

from gateway.uploads.bucket import make_bucket


def prepare_store() -> None:
    """Make the gateway's own bucket unless it is there, and let web pages use its URLs."""
    typer.echo(f"the bucket {make_bucket()} is ready")
