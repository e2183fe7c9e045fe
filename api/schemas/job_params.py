"""`JobRequestParams` of the OpenAPI document: all keys of the contract, with typed options of every service.

`gateway/jobs/params.py` validates them, since it knows the cluster and the services of the request.
"""

from typing import Any

from pydantic import BaseModel, Field, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue

from api.schemas.documented import named_schema
from api.schemas.patterns import FOLDER_PATH
from gateway.jobs.params import TABLE_KEY, JobParams
from gateway.jobs.services import CLASSES, SERVICES, option_schema, table_schema

FILTERS = [service for service in SERVICES if CLASSES[service] == "signal processing"]
IGNORED = "Accepted and ignored: derived from `services`."
NOT_READ = "Accepted and ignored."


def _switches() -> type[BaseModel]:
    switches: dict[str, Any] = {service: (int, Field(0, description=IGNORED)) for service in FILTERS}
    return create_model(
        "JobFilter", __doc__="The filters of a job; ignored, as `services` names them.", **switches
    )


def _options_name(service: str) -> str:
    return "".join(word.capitalize() for word in service.split("_")) + "Options"


def _typed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with the type of each enumeration, without which generators write none."""
    typed = {name: _type_enumeration(each) for name, each in schema["properties"].items() if "enum" in each}
    return schema | {"properties": schema["properties"] | typed}


def _type_enumeration(option: dict[str, Any]) -> dict[str, Any]:
    texts = [choice for choice in option["enum"] if isinstance(choice, str)]
    if len(texts) == len(option["enum"]):
        return option | {"type": "string"}
    others = {name: value for name, value in option.items() if name != "enum"}
    return others | {"anyOf": [{"type": "string", "enum": texts}, {"type": "boolean"}]}


def _options() -> dict[str, Any]:
    """Return a field for the options of each service."""
    kinds = {
        service: named_schema(_options_name(service), _typed(option_schema(service))) for service in SERVICES
    }
    return {
        service: (kind, Field({}, description=f"Options of `{service}`: docs/kernels.md."))
        for service, kind in kinds.items()
    }


def _table() -> dict[str, Any]:
    kind = named_schema("TableOptions", _typed(table_schema()))
    return {
        TABLE_KEY: (kind | None, Field(None, description="How the input table is read: docs/your-file.md."))
    }


def _read_only_keys() -> dict[str, Any]:
    folder = "/Input_Data/{0}_Data_Type/signalFilter"
    return {
        "icase": (int, Field(-1, description=IGNORED)),
        "filter": (_switches(), Field({}, description=IGNORED)),
        "input_data_double": (str, Field(folder.format("Double"), description=NOT_READ)),
        "input_data_float": (str, Field(folder.format("Float"), description=NOT_READ)),
    }


_PATHS = (
    "read_input_data",
    "workspace",
    "profiling_workspace",
    "inference_knn_path",
    "clustering_label_path",
)
# A day of expiry needs the dates of asset pairs.
_EXPIRY_NEEDS_PAIRS = {
    "if": {"required": ["black_scholes"], "properties": {"black_scholes": {"required": ["expiry_date"]}}},
    "then": {"required": ["inbestme_kernel"], "properties": {"inbestme_kernel": {"const": 1}}},
}


class _DocumentedParams(JobParams):
    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Tell the form of paths, and that a day of expiry needs asset pairs."""
        reference = handler(schema)
        component = handler.resolve_ref_schema(reference)
        for name in _PATHS:
            component["properties"][name]["pattern"] = FOLDER_PATH
        component["allOf"] = [_EXPIRY_NEEDS_PAIRS]
        return reference


JobRequestParams: type[BaseModel] = create_model(
    "JobRequestParams",
    __base__=_DocumentedParams,
    __doc__="Parameters of a job; `read_input_data` alone is required, unknown keys only cause a warning.",
    **_read_only_keys(),
    **_options(),
    **_table(),
)
