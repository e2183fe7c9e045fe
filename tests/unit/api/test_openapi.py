import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import StringConstraints, TypeAdapter

from api.listed_hosts import listed_patterns
from api.openapi_names import OPERATION_IDS
from api.schemas.patterns import FOLDER_PATH, HOME_PATH, HOOK_URL, SOURCE_URL, STORE_URL
from gateway.jobs.params import JobParams
from gateway.jobs.services import SERVICES, option_schema
from gateway.settings import Settings
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


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for each in node if isinstance(node, list) else []:
        yield from _objects(each)


def _patterns(document: Any) -> Iterator[str]:
    found = (each.get("pattern") for each in _objects(document))
    return (each for each in found if isinstance(each, str))


def test_each_pattern_is_in_the_language_that_generators_share() -> None:
    patterns = {*_patterns(openapi_document()), *listed_patterns(LISTED).values()}
    assert len(patterns) > 15
    assert [each for each in patterns if re.search(r"\(\?|\\[^.*\[\]sx]|[*+}][+]", each)] == []
    for each in patterns:
        TypeAdapter(Annotated[str, StringConstraints(pattern=each)])  # compiled by Rust's regex


def _keys(schemas: Any) -> Iterator[str]:
    return (key for each in _objects(schemas) if {"type", "anyOf"} & each.keys() for key in each)


def test_schemas_have_the_keywords_of_json_schema_and_one_class_each() -> None:
    assert {*_keys(openapi_document()["components"])} & {"ge", "gt", "le", "lt", "oneOf"} == set()
    assert '"oneOf"' not in json.dumps(_schemas()), "generators make a class of each alternative"


GOOD = {
    STORE_URL: [
        *("https://s3.example.org", "http://minio:9000/", "http://my_minio.lab:1", "https://h/a?b=c"),
        *("http://8.8.8.8:65535", "https://193.99.144.80", "http://a.b-c.d2"),
    ],
    SOURCE_URL: ["ftp://ftp.example.org/x", "http://h/a%20b.csv"],
    HOOK_URL: ["https://portal.example.org/hook"],
    HOME_PATH: ["serrano/data/x", "a", "a/.x/..y/...", "a//b/", "a b", "a/./b", "a/..b", "a\nb"],
    FOLDER_PATH: ["/Init_Data/x.csv", "x", "//x", "/a/ b/", "/..a", "/a\n/b"],
}
BAD = {
    STORE_URL: [
        *(
            "",
            "ftp://h",
            "https://",
            "http://u:p@h",
            "http://127.0.0.1",
            "http://10.0.0.1:9000",
            "http://h:0",
        ),
        *("http://h:65536", "http://h/ü", "http://192.168.1.1", "http://172.16.0.1", "http://[::1]"),
        *("http://1.2.3", "http://1.2.3.256", "http://169.254.169.254", "http://100.64.0.1", "http://0x7f"),
    ],
    SOURCE_URL: ["file:///etc/passwd", "ftp://127.0.0.1/x"],
    HOOK_URL: ["http://portal.example.org/hook", "https://127.0.0.1/"],
    HOME_PATH: ["", "..", ".ssh/x", "./a", "../a", "a/..", "a/../b", "/a", " a", "a\0"],
    FOLDER_PATH: ["", "..", "/..", "/a/../b", "/a/..", " ", "a\0"],
}


@pytest.mark.parametrize(("texts", "expected"), [(GOOD, True), (BAD, False)], ids=["good", "bad"])
def test_patterns_tell_what_the_routes_take(texts: dict[str, list[str]], *, expected: bool) -> None:
    found = {(pattern, text): _fits(pattern, text) for pattern, each in texts.items() for text in each}
    assert [pair for pair, fits in found.items() if fits is not expected] == []


def _fits(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


LISTED = Settings(allowed_endpoints=["127.0.0.1:9000", "Store.LAB", "10.20.0.0/16:443", "[fd00::1]"])


def test_listed_hosts_are_told_to_all_where_all_may_use_them() -> None:
    pattern = listed_patterns(LISTED)[STORE_URL]
    good = ["127.0.0.1:9000", "store.lab", "10.20.3.4:443", "[fd00::1]:9000", "s3.example.org", "8.8.8.8"]
    assert [host for host in good if not _fits(pattern, f"http://{host}/x")] == []
    assert [
        host for host in ("127.0.0.1", "127.0.0.1:9001", "[::1]") if _fits(pattern, f"http://{host}")
    ] == []
    assert listed_patterns(Settings(allowed_endpoints=[])) == {}


def test_with_accounts_the_document_names_no_listed_host() -> None:
    settings = LISTED.model_copy(update={"auth": "keys"})
    pattern = listed_patterns(settings)[STORE_URL]
    assert "lab" not in pattern
    assert all(_fits(pattern, f"http://{host}") for host in ("127.0.0.1:9000", "[fd00::1]:1", "10.0.0.1"))
