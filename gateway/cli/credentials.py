"""`hpc-gateway credentials`: what the operator does with the secrets in the database."""

import typer

app = typer.Typer(no_args_is_help=True, help="The secrets in the gateway's database.")
UNREADABLE = 1


@app.callback()
def _credentials() -> None:
    """Keep `reencrypt` a word of its own, also while it is the only one."""


@app.command("reencrypt")
def reencrypt() -> None:
    """Bring every secret under the first of the keys; safe while the gateway runs, and to repeat."""
    from gateway.credentials import reencryption  # noqa: PLC0415  see cli/service.py

    tally = reencryption.reencrypt()
    typer.echo(f"{tally.reencrypted} re-encrypted, {tally.current} were under the first key already")
    if tally.unreadable:
        typer.echo(
            f"{tally.unreadable} cannot be read with any key: their rows need fresh credentials", err=True
        )
        raise typer.Exit(UNREADABLE)
