"""`hpc-gateway services`: the services, and the options of one."""

import json
from typing import Annotated, Any

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.completion import one_of
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.commands.services import CLASSES
from hpc_gateway_client.steps import Call, request


def list_services(
    name: Annotated[
        str | None, typer.Argument(help="A service, to see its options.", autocompletion=one_of(CLASSES))
    ] = None,
    url: Url = LOCAL_URL,
    *,
    as_json: AsJson = False,
) -> None:
    """List the services, or the options of one."""
    if name is not None:
        check_words([name], CLASSES, "service")
    path = "/services" if name is None else f"/services/{name}/options"
    with connect(url) as gateway:
        found = gateway.carry_out(request(Call("GET", path)))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif name is None:
        rows = [(each["name"], CLASSES.get(each["name"], "")) for each in found]
        output.print_table(("service", "class"), rows)
    else:
        _print_options(name, found)


def _print_options(name: str, schema: dict[str, Any]) -> None:
    rows = [
        (
            f"{name}.{option}",
            str(about.get("default", "")),
            str(about.get("x-must-be", "")),
            str(about.get("description", "")),
        )
        for option, about in schema.get("properties", {}).items()
    ]
    output.print_table(("--param", "default", "values", "meaning"), rows)
