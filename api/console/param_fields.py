"""Fields of a form for the common parameters and the resources of a job, made of the API's own schema."""

from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from api.console.forms import Fields
from api.console.option_fields import NUMBERS, OptionField
from gateway.errors import Invalid
from gateway.jobs.params import JobParams
from gateway.jobs.resources import ResourceRequest

GIB = 2**30
LABELS = {
    "inbestme_kernel": "asset price pairs",
    "num_mpi_procs": "ranks",
    "num_thread": "threads of each rank",
    "time_limit_s": "time limit in seconds",
    "inference_knn_path": "folder to classify",
    "clustering_label_path": "labels of the input",
}
LAYOUT = ("inbestme_kernel",)
COMPUTATION = ("perforation_stride", "precision_scenario", "output_format", "benchmark_state")
OF_KNN = ("inference_knn_path", "clustering_label_path")
RANKS = ("num_mpi_procs", "num_thread")
_RESOURCES = ("time_limit_s", "partition", "nodes", "account", "qos", "constraint", "reservation", "gres")
MEMORY = "memory_gib"
_MEMORY_FIELD = OptionField(
    f"resources.{MEMORY}",
    "memory in GiB",
    "of the whole job",
    "a number such as 8 or 0.5",
    "",
    (),
    is_number=True,
)


def param_fields(names: tuple[str, ...], prefix: str = "") -> list[OptionField]:
    """Return the fields of some common parameters; `prefix` stands before those of a second job."""
    return [_field(JobParams, name, prefix) for name in names]


@lru_cache
def resource_fields() -> list[OptionField]:
    """Return the fields of a job's resources."""
    limit, *others = (_field(ResourceRequest, name, "resources.") for name in _RESOURCES)
    return [limit, _MEMORY_FIELD, *others]


@lru_cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    properties: dict[str, Any] = model.model_json_schema()["properties"]
    return properties


def _field(model: type[BaseModel], name: str, prefix: str) -> OptionField:
    schema = _schema(model)[name]
    kind = next(each for each in schema.get("anyOf", [schema]) if each.get("type") != "null")
    default = schema.get("default")
    label = LABELS.get(name, name.replace("_", " "))
    return OptionField(
        name=prefix + name,
        label=f"{prefix.rstrip('.')} {label}" if prefix == "then." else label,
        text=schema.get("description", ""),
        must_be="",
        default="" if default is None else str(default),
        choices=tuple(map(str, kind.get("enum", []))),
        is_number=kind.get("type") in NUMBERS,
        is_text=kind.get("type") == "string",
    )


def read_resources(form: Fields) -> dict[str, Any]:
    """Return the resources that a form gives, or raise Invalid for a memory that is no number."""
    read = {field.name.removeprefix("resources."): field.read(form) for field in resource_fields()}
    given = {name: value for name, value in read.items() if value is not None}
    if MEMORY in given:
        given["memory_bytes"] = _bytes(given.pop(MEMORY))
    return given


def _bytes(number: Any) -> int:
    try:
        return round(float(number) * GIB)
    except (ValueError, OverflowError):
        raise Invalid(f"expected {_MEMORY_FIELD.must_be}", field=_MEMORY_FIELD.label) from None


def show_resources(given: dict[str, Any]) -> dict[str, str]:
    """Return the texts of the fields of resources, by the names of the fields."""
    shown = dict(given)
    if memory := shown.pop("memory_bytes", None):
        shown[MEMORY] = memory / GIB if memory % GIB else memory // GIB
    return {f"resources.{name}": str(value) for name, value in shown.items()}
