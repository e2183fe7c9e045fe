"""`hpc-gateway key` and `hpc-gateway credentials`: encryption keys, and the secrets that they protect."""

import typer

from gateway.credentials.reencryption import reencrypt
from gateway.encryption import new_key
from hpc_gateway_commands.database import ready_database

app = typer.Typer(no_args_is_help=True, help="The secrets in the gateway's database.")
UNREADABLE = 1


def key() -> None:
    """Print a new key for GATEWAY_CREDENTIALS_KEY."""
    typer.echo(new_key())


@app.callback()
def _credentials() -> None:
    """Make `reencrypt` a subcommand: Typer drops the name of a single command that has no callback."""


@app.command("reencrypt")
def reencrypt_all() -> None:
    """Bring every secret under the first of the keys; safe while the gateway runs, and to repeat."""
    with ready_database():
        tally = reencrypt()
    typer.echo(f"{tally.reencrypted} re-encrypted, {tally.current} were under the first key already")
    if tally.unreadable:
        typer.echo(
            f"{tally.unreadable} cannot be read with any key: their rows need fresh credentials", err=True
        )
        raise typer.Exit(UNREADABLE)
