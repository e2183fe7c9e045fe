import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.openapi_names import OPERATION_IDS
from gateway.jobs.params import JobParams
from gateway.jobs.services import SERVICES, option_schema
from tests.openapi_document import openapi_document

RECORDED = Path(__file__).with_name("openapi.txt")  # paths, operation ids, schema names and their fields


def _structure(document: dict[str, Any]) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path} {operation['operationId']}"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield " ".join([f"{name}:", *schema.get("properties", schema.get("enum", []))])


def test_generated_clients_find_the_names_that_they_know() -> None:
    assert list(_structure(openapi_document())) == RECORDED.read_text(encoding="utf-8").splitlines()


def test_each_operation_id_of_the_table_is_in_use() -> None:
    paths = openapi_document()["paths"].values()
    used = [operation["operationId"] for operations in paths for operation in operations.values()]
    assert sorted(used) == sorted(OPERATION_IDS.values())


FIRST_GENERATION = {
    *("HPCService", "ServiceName", "Infrastructure", "InfrastructureSummary"),
    *("InfrastructureTelemetry", "PartitionTelemetry", "HPCSchedulerType", "SSHKeyType"),
    *("JobRequest", "JobStatus", "JobRequestParams", "FileTransferRequest"),
    *("FileTransferStatus", "S3FileTransferRequest", "S3FileTransferStatus", "S3ResultTransferRequest"),
    *("S3ResultTransferStatus", "JobStatusCode", "FileTransferStatusCode", "NodeStateCode"),
}


def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = openapi_document()["components"]["schemas"]
    return schemas


def test_each_schema_of_the_first_generation_is_there_by_name() -> None:
    assert _schemas().keys() >= FIRST_GENERATION


def test_each_reference_finds_its_schema() -> None:
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(openapi_document())))
    assert named <= _schemas().keys()


def test_each_parameter_of_a_job_has_its_default_and_a_text() -> None:
    schemas = _schemas()
    params = schemas["JobRequestParams"]
    assert params["required"] == ["read_input_data"]
    defaults = {name: each.get("default") for name, each in params["properties"].items()}
    assert defaults | JobParams(read_input_data="x").model_dump() | {"read_input_data": None} == defaults
    assert (defaults["icase"], defaults["filter"]) == (-1, {})
    assert [name for name, each in params["properties"].items() if not each.get("description")] == []
    for service in SERVICES:
        options = schemas[params["properties"][service]["$ref"].rpartition("/")[2]]
        shown = {name: each.get("default") for name, each in options["properties"].items()}
        assert shown == {
            name: each.get("default") for name, each in option_schema(service)["properties"].items()
        }
        assert all({"type", "anyOf"} & each.keys() for each in options["properties"].values())


def test_the_enumeration_of_services_is_the_list_of_services() -> None:
    assert _schemas()["ServiceName"]["enum"] == list(SERVICES)


def test_the_tags_are_in_the_order_of_the_workflow_with_a_sentence_each() -> None:
    document = openapi_document()
    order = [tag["name"] for tag in document["tags"]]
    assert [order.index(step) for step in ("stage in", "jobs", "stage out")] == sorted(
        order.index(step) for step in ("stage in", "jobs", "stage out")
    )
    assert all(tag["description"].endswith(".") for tag in document["tags"])
    used = {tag for path in document["paths"].values() for each in path.values() for tag in each["tags"]}
    assert used == set(order)


def test_people_find_the_id_by_its_name() -> None:
    document = openapi_document()
    assert "/job/{id}" in document["paths"]
    assert "row_id" not in {
        parameter["name"]
        for path in document["paths"].values()
        for each in path.values()
        for parameter in each.get("parameters", [])
    }
