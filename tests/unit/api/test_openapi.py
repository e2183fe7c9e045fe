from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.app import create_app
from api.openapi_names import OPERATION_IDS

RECORDED = Path(__file__).with_name("openapi.txt")  # paths, operation ids, schema names and their fields


def _structure(document: dict[str, Any]) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path} {operation['operationId']}"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield " ".join([f"{name}:", *schema.get("properties", schema.get("enum", []))])


def test_generated_clients_find_the_names_that_they_know() -> None:
    assert list(_structure(create_app().openapi())) == RECORDED.read_text(encoding="utf-8").splitlines()


def test_each_operation_id_of_the_table_is_in_use() -> None:
    paths = create_app().openapi()["paths"].values()
    used = [operation["operationId"] for operations in paths for operation in operations.values()]
    assert sorted(used) == sorted(OPERATION_IDS.values())
