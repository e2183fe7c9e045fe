"""`--param` and `--sweep`: parameters of a job, and their values in the members of a sweep."""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from hpc_gateway_client.commands.nearest import hint
from hpc_gateway_client.commands.services import CLASSES
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.steps import Call, request

TABLE = "table"
MOST_MEMBERS = 1000
Params = dict[str, object]


def parameters(words: Sequence[str]) -> Params:
    """Read `name=number`, `service.option=value` or `table.option=value`."""
    params: Params = {}
    for word in words:
        name, text = _split(word)
        _set(params, name, _parse(name, text))
    return params


def members(words: Sequence[str]) -> list[Params]:
    """Read `service.option=value,value,...`; several of them are combined, the last one fastest."""
    axes = []
    for word in words:
        name, text = _split(word)
        axes.append([(name, _parse(name, part)) for part in text.split(",")])
    found: list[Params] = []
    for chosen in itertools.product(*axes) if axes else ():
        params: Params = {}
        for name, value in chosen:
            _set(params, name, value)
        found.append(params)
    if len(found) > MOST_MEMBERS:
        raise typer.BadParameter(f"the sweep has {len(found)} members; at most {MOST_MEMBERS} are possible")
    return found


def check_options(gateway: Gateway, services: Sequence[str], params: Mapping[str, object]) -> None:
    """Raise BadParameter for an option that a service of the job does not have, or a value outside of it."""
    for service in CLASSES:
        options = params.get(service)
        if not isinstance(options, Mapping):
            continue
        if service not in services:
            raise typer.BadParameter(f"{service}.{next(iter(options))}: the job does not run {service}")
        known = _known_options(gateway, service)
        for name, value in options.items():
            if name not in known:
                raise typer.BadParameter(f"{service}.{name} is no option: {hint(name, known)}")
            _check_value(f"{service}.{name}", value, known[name])


def _known_options(gateway: Gateway, service: str) -> dict[str, Any]:
    schema = gateway.carry_out(request(Call("GET", f"/services/{service}/options")))
    known: dict[str, Any] = schema.get("properties", {})
    return known


def _check_value(name: str, value: object, schema: Mapping[str, Any]) -> None:
    """Raise BadParameter for a word that is not in a list of words, or a number out of its bounds."""
    fits = True
    if "enum" in schema:
        fits = value in schema["enum"]
    elif schema.get("type") in {"number", "integer"}:
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        above = schema.get("exclusiveMinimum", -math.inf)
        is_whole = schema["type"] == "number" or (isinstance(value, int | float) and value % 1 == 0)
        fits = isinstance(value, int | float) and low <= value <= high and value > above and is_whole
    if not fits:
        raise typer.BadParameter(f"{name} is {value}; expected {schema.get('x-must-be', 'another value')}")


def _split(word: str) -> tuple[str, str]:
    name, _, text = word.partition("=")
    if not (name and text):
        raise typer.BadParameter(f"{word!r} is not name=value")
    return name, text


def _set(params: Params, name: str, value: object) -> None:
    service, dot, option = name.partition(".")
    if dot and (service in CLASSES or service == TABLE):
        known = params.get(service)
        params[service] = {**(known if isinstance(known, dict) else {}), option: value}
    elif dot:
        raise typer.BadParameter(f"{service!r} is no service: {hint(service, [*CLASSES, TABLE])}")
    else:
        params[name] = value


def _parse(name: str, text: str) -> object:
    """Return a number where the text is one of JSON's; an option of a table is true, false or a text."""
    service, _, option = name.partition(".")
    if service == TABLE:
        return (
            text.split(",")
            if option in {"columns", "skip"}
            else {"true": True, "false": False}.get(text, text)
        )
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and math.isfinite(value) else text
