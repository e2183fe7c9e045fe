"""`hpc-gateway keys`: who may call a gateway with GATEWAY_AUTH=keys. Runs where its database is."""

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from gateway.callers import Scope
from gateway.cli import output
from gateway.cli.output import AsJson

if TYPE_CHECKING:
    from gateway.models import ApiKey

app = typer.Typer(no_args_is_help=True, help="API keys, for GATEWAY_AUTH=keys.")
SHOWN = ("id", "owner", "scope", "created_at", "last_used_at", "expires_at", "revoked_at")
_UNITS = {"h": "hours", "d": "days"}


@app.command("create")
def create(
    owner: Annotated[str, typer.Argument(help="Whose key it is; what is made with it is theirs.")],
    *,
    scope: Annotated[
        Scope, typer.Option(help="user: what is theirs; operator: all work; admin: clusters too.")
    ] = Scope.USER,
    expires: Annotated[str, typer.Option(help="After how long it ends: 12h, 90d, or never.")] = "90d",
) -> None:
    """Make a key and print it. It is shown this once: only its digest is kept."""
    from gateway.accounts import api_keys  # noqa: PLC0415  the database is needed only inside commands
    from gateway.db import session_scope  # noqa: PLC0415  likewise

    with session_scope() as session:
        row, text = api_keys.create_key(session, owner, scope, _lifetime(expires))
    ends = f"until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "for ever"
    typer.echo(f"key {row.id} of {row.owner!r}, scope {row.scope}, {ends}; keep it now:", err=True)
    typer.echo(text)


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the keys, without what makes them keys."""
    from gateway.accounts import api_keys  # noqa: PLC0415  see create
    from gateway.db import session_scope  # noqa: PLC0415  likewise

    with session_scope(read_only=True) as session:
        rows = api_keys.list_keys(session)
    if as_json:
        shown = [{name: getattr(row, name) for name in SHOWN} for row in rows]
        typer.echo(json.dumps(shown, default=datetime.isoformat, indent=2))
        return
    columns = ("id", "owner", "scope", "age", "last used", "ends")
    output.table(columns, [_line(row) for row in rows])


@app.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """End a key, from the next request on."""
    from gateway.accounts import api_keys  # noqa: PLC0415  see create
    from gateway.db import session_scope  # noqa: PLC0415  likewise

    with session_scope() as session:
        row = api_keys.revoke_key(session, key_id)
    typer.echo(f"revoked the key {row.id} of {row.owner!r}")


def _line(row: "ApiKey") -> tuple[str | Text, ...]:
    ends = f"{row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at else "never"
    if row.revoked_at:
        ends = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}"
    return row.id, Text(row.owner), row.scope, output.ago(row.created_at), output.ago(row.last_used_at), ends


def _lifetime(text: str) -> timedelta | None:
    if text == "never":
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})([hd])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not 12h, 90d or never", param_hint="--expires")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
