"""`hpc-gateway services`: the services, and the options of one."""

from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.completion import one_of
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.commands.services import CLASSES, OptionSchema, ServiceEntry
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.steps import Call, request_list, request_one


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
    with connect(url) as gateway:
        if name is None:
            _print_services(gateway, as_json=as_json)
        else:
            _print_options(gateway, name, as_json=as_json)


def _print_services(gateway: Gateway, *, as_json: bool) -> None:
    found = gateway.carry_out(request_list(ServiceEntry, Call("GET", "/services")))
    if as_json:
        output.print_json(found)
        return
    output.print_table(("service", "class"), [(each.name, CLASSES.get(each.name, "")) for each in found])


def _print_options(gateway: Gateway, name: str, *, as_json: bool) -> None:
    schema = gateway.carry_out(request_one(OptionSchema, Call("GET", f"/services/{name}/options")))
    if as_json:
        output.print_json(schema)
        return
    rows = [
        (
            f"{name}.{option}",
            str(about.get("default", "")),
            str(about.get("x-must-be", "")),
            str(about.get("description", "")),
        )
        for option, about in schema.properties.items()
    ]
    output.print_table(("--param", "default", "values", "meaning"), rows)
