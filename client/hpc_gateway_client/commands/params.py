"""`--param` and `--sweep`: parameters of a job, and their values in the members of a sweep."""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

import typer

from hpc_gateway_client.commands.nearest import hint
from hpc_gateway_client.commands.services import CLASSES, OptionSchema
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.options import JobParams, TableOptions
from hpc_gateway_client.steps import Call, request_one

TABLE = "table"
MOST_MEMBERS = 1000
_ACCEPTED = ("read_input_data", "exe", "icase", "input_data_double", "input_data_float")  # of the old clients
_COMMON = [*(name for name in JobParams.__annotations__ if name not in {*CLASSES, TABLE}), *_ACCEPTED]
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
    axes: dict[str, list[tuple[str, object]]] = {}
    for word in words:
        name, text = _split(word)
        if name in axes or "" in text.split(","):
            raise typer.BadParameter(
                f"{word!r}: each parameter is swept once, over values that are not blank"
            )
        axes[name] = [(name, _parse(name, part)) for part in text.split(",")]
    found: list[Params] = []
    for chosen in itertools.product(*axes.values()) if axes else ():
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


def _known_options(gateway: Gateway, service: str) -> Mapping[str, Mapping[str, Any]]:
    schema = gateway.carry_out(request_one(OptionSchema, Call("GET", f"/services/{service}/options")))
    return schema.properties


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
    if dot and service == TABLE and option not in get_type_hints(TableOptions):
        raise typer.BadParameter(f"{name} is no option: {hint(option, get_type_hints(TableOptions))}")
    if dot and (service in CLASSES or service == TABLE):
        known = params.get(service)
        params[service] = {**(known if isinstance(known, dict) else {}), option: value}
    elif dot:
        raise typer.BadParameter(f"{service!r} is no service: {hint(service, [*CLASSES, TABLE])}")
    elif name not in _COMMON:
        raise typer.BadParameter(f"{name!r} is no parameter of a job: {hint(name, _known_names())}")
    else:
        params[name] = value


def _known_names() -> list[str]:
    """Return the common parameters, and each service's options as they are written."""
    of_services = {each: get_type_hints(get_type_hints(JobParams)[each]) for each in (*CLASSES, TABLE)}
    return [*_COMMON, *(f"{name}.{option}" for name, options in of_services.items() for option in options)]


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
