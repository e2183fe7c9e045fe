"""The services: their names in the contract's order, their classes, result files and options."""

import json
from functools import lru_cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from gateway.errors import Invalid, NotFound
from gateway.left_out import OptionalField, drop_left_out

CLASSES = {
    "kalman": "signal processing",
    "fft": "signal processing",
    "min_max": "signal processing",
    "savitzky_golay": "signal processing",
    "black_scholes": "signal processing",
    "wavelet": "signal processing",
    "kmean": "clustering",
    "knn": "classification",
}
SERVICES = tuple(CLASSES)

# Below `Output_Data`; the spelling is part of the contract.
RESULT_FILES = {
    "kalman": "CSVFormate/Kalman_Filter_output.csv",
    "fft": "CSVFormate/FFT_Filter_output.csv",
    "min_max": "CSVFormate/MinMax_Transform_output.csv",
    "savitzky_golay": "CSVFormate/SavitzkeyGolay_output.csv",
    "black_scholes": "CSVFormate/BlackScholes_output.csv",
    "wavelet": "CSVFormate/Wavelet_Filter_output.csv",
    "kmean": "KMean/KMean_cluster.csv",
    "knn": "KNN/KNN_timesseries_label.csv",
}


@lru_cache
def _exported() -> dict[str, Any]:
    """Return the copy of the schemas that the kernels export."""
    text = resources.files("gateway.jobs").joinpath("kernel_options.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def option_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each kernel's options."""
    schemas: dict[str, dict[str, Any]] = _exported()["services"]
    return schemas


def table_schema() -> dict[str, Any]:
    """Return the JSON Schema of `params.table`, the options of a table's reading."""
    schema: dict[str, Any] = _exported()["table"]
    return schema


def option_schema(service: str) -> dict[str, Any]:
    """Return the JSON Schema of a service's options, or raise NotFound."""
    if service not in option_schemas():
        raise NotFound(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
    return option_schemas()[service]


def check_services(services: list[str]) -> None:
    """Raise Invalid for a list that is empty, names no service, repeats one, or mixes classes."""
    if not services:
        raise Invalid("name at least one service", field="services")
    for service in services:
        if service not in CLASSES:
            raise Invalid(f"{service!r} is not a service; there are {', '.join(SERVICES)}", field="services")
    if len(set(services)) < len(services):
        raise Invalid("each service may be named once", field="services")
    classes = list(dict.fromkeys(CLASSES[service] for service in services))
    if len(classes) > 1:
        raise Invalid(f"{' and '.join(classes)} do not mix; send one job for each", field="services")
    for service in services:
        if service not in option_schemas():
            raise Invalid(f"the kernel of {service!r} is not available yet", field="services")


def check_options(service: str, options: object) -> dict[str, Any]:
    """Return the options with defaults filled in, or raise Invalid with the kernel's own sentence.

    The kernel itself fills in a default that it may lower to fit the data. A default that another option
    replaces is left out where that option is given.
    """
    return _check(service, options)


def check_table(options: object) -> dict[str, Any]:
    """Return `params.table` with defaults filled in, or raise Invalid with the kernels' own sentence."""
    resolved = _check("table", options)
    if both := set(resolved.get("columns", ())) & set(resolved.get("skip", ())):
        field = "params.table.skip"
        named = f"{field} must not name {min(both)!r}, which params.table.columns names too"
        raise Invalid(named, field=field)
    return resolved


def _check(name: str, options: object) -> dict[str, Any]:
    schema = _schema_of(name)
    if isinstance(options, dict):
        options = drop_left_out(options, _optional_options(name))
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    errors = sorted(validator.iter_errors(options), key=lambda error: list(map(str, error.path)))
    if errors:
        raise _invalid_option(name, errors[0], schema["properties"])
    given: dict[str, Any] = dict(options)  # type: ignore[call-overload]  # an object, says the schema
    defaults = {name: p["default"] for name, p in schema["properties"].items() if _is_filled_in(p, given)}
    return defaults | given


def _schema_of(name: str) -> dict[str, Any]:
    return table_schema() if name == "table" else option_schemas()[name]


@lru_cache
def _optional_options(schema: str) -> dict[str, OptionalField]:
    properties = _schema_of(schema)["properties"]
    return {name: OptionalField(each.get("default"), _takes_text(each)) for name, each in properties.items()}


def _takes_text(option: dict[str, Any]) -> bool:
    is_text = option.get("type") == "string" or any(isinstance(each, str) for each in option.get("enum", []))
    return is_text or any(_takes_text(each) for each in option.get("anyOf", []))


def _is_filled_in(option: dict[str, Any], given: dict[str, Any]) -> bool:
    return "default" in option and "x-lowered-to-fit" not in option and option.get("x-unless") not in given


def _invalid_option(service: str, error: ValidationError, properties: dict[str, Any]) -> Invalid:
    field = f"params.{service}"
    if error.path:
        option = f"{field}.{error.path[0]}"
        must_be = properties[str(error.path[0])]["x-must-be"]
        return Invalid(f"{option} must be {must_be}, not {error.instance!r}", field=option)
    if not isinstance(error.instance, dict):
        return Invalid(f"{field} must be an object, not {error.instance!r}", field=field)
    unknown = [name for name in error.instance if name not in properties]
    listed = ", ".join(map(repr, unknown))
    detail = f"{field} has no option {listed}; it has: {', '.join(properties)}"
    return Invalid(detail, field=f"{field}.{unknown[0]}")
