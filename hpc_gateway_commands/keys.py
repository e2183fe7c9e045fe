"""`hpc-gateway keys`: API keys for GATEWAY_AUTH=keys (`key`, an encryption key, is in credentials.py)."""

import json
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from gateway.accounts import api_keys
from gateway.callers import Scope
from gateway.db import session_scope
from gateway.models import ApiKey
from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.durations import parse_duration
from hpc_gateway_client.commands.output import AsJson
from hpc_gateway_commands.database import ready_database

app = typer.Typer(no_args_is_help=True, help="API keys, for GATEWAY_AUTH=keys.")
SHOWN = ("id", "owner", "scope", "created_at", "last_used_at", "expires_at", "revoked_at")


@app.command("create")
def create_key(
    owner: Annotated[str, typer.Argument(help="The owner of the key, and of the work that is done with it.")],
    *,
    scope: Annotated[
        Scope, typer.Option(help="user: the owner's work; operator: all work; admin: clusters too.")
    ] = Scope.USER,
    expires: Annotated[str, typer.Option(help="After how long it ends: 12h, 90d, or never.")] = "90d",
) -> None:
    """Make a key and print it. It is shown this once: only its digest is kept."""
    with ready_database(), session_scope() as session:
        row, text = api_keys.create_key(session, owner, scope, _lifetime(expires))
    ends = f"until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "for ever"
    typer.echo(f"key {row.id} of {row.owner!r}, scope {row.scope}, {ends}; keep it now:", err=True)
    typer.echo(text)


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the keys, without their secret part."""
    with ready_database(), session_scope(read_only=True) as session:
        rows = api_keys.list_keys(session)
    if as_json:
        shown = [{name: getattr(row, name) for name in SHOWN} for row in rows]
        typer.echo(json.dumps(shown, default=datetime.isoformat, indent=2))
        return
    columns = ("id", "owner", "scope", "age", "last used", "ends")
    output.print_table(columns, [_line(row) for row in rows])


@app.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """End a key, from the next request on."""
    with ready_database(), session_scope() as session:
        row = api_keys.revoke_key(session, key_id)
    typer.echo(f"revoked the key {row.id} of {row.owner!r}")


def _line(row: ApiKey) -> tuple[str | Text, ...]:
    ends = f"{row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at else "never"
    if row.revoked_at:
        ends = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}"
    created, used = output.age(row.created_at), output.age(row.last_used_at)
    return row.id, Text(row.owner), row.scope, created, used, ends


def _lifetime(text: str) -> timedelta | None:
    if text == "never":
        return None
    lifetime = parse_duration(text, units="hd")
    if not lifetime:
        raise typer.BadParameter(f"{text!r} is not 12h, 90d or never", param_hint="--expires")
    return lifetime
