"""Optional fields of all requests of the OpenAPI document: null, empty texts and defaults are left out."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.bodies import DATA, JOB, RESULT
from tests.workflows import body as workflow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SSH = {"name": "c", "host": "h", "username": "u", "hostname": "n", "scheduler": "slurm"}
BODIES: dict[str, dict[str, Any]] = {
    "/infrastructure": SSH,
    "/credentials": {"name": "n", "endpoint": "https://s3.example.org", "access_key": "a", "secret_key": "s"},
    "/data": {"src": "https://example.org/a.csv", "dst": "serrano/data/a.csv", "infrastructure": "hpc"},
    "/s3_data": DATA,
    "/s3_result": RESULT,
    "/job": JOB | {"services": ["kmean"]},
    "/retry": {},
    "/cancel": {},
    "/webhooks": {"url": "https://portal.example.org/hook", "events": ["job.*"]},
    "/workflow": workflow({"name": "groups", "services": ["kmean"]}),
}
VARYING = {"id", "created_at", "updated_at", "secret", "steps"}
Place = tuple[str | int, ...]


class Document:
    """The document, and the optional fields of its objects."""

    def __init__(self, api: TestClient) -> None:
        self.document = api.get("/openapi.json").json()

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return self.document["components"]["schemas"][name] if name else schema

    def body(self, path: str) -> dict[str, Any]:
        """Return the schema of a body, also of one that may be null."""
        content = self.document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        return self.parts(content["schema"])[0]

    def parts(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.resolve(part) for part in schema.get("anyOf", [schema])]

    def optional(self, schema: dict[str, Any], place: Place = ()) -> Iterator[tuple[Place, Any]]:
        """Yield the place of each optional field with the values that count as left out."""
        for name, field in schema.get("properties", {}).items():
            here = (*place, name)
            if name not in schema.get("required", []):
                yield here, None
                if any(part.get("type") == "string" for part in self.parts(field)):
                    yield here, ""
                if "default" in field:
                    yield here, field["default"]
            for part in self.parts(field):
                yield from self.optional(part, here)
                for item in self.parts(part.get("items", {})):
                    yield from self.optional(item, (*here, 0))


def _holder(body: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return the object that has the field, made where it is missing."""
    inner: Any = body
    for name in place[:-1]:
        inner = inner[name] if isinstance(name, int) or name in inner else inner.setdefault(name, {})
    holder: dict[str, Any] = inner
    return holder


def _put(body: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    changed = deepcopy(body)
    _holder(changed, place)[str(place[-1])] = value
    return changed


def _without(body: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return the body without the field, in objects that exist all the same."""
    changed = deepcopy(body)
    _holder(changed, place).pop(str(place[-1]), None)
    return changed


def _understood(api: TestClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.is_success, (body, answer.text)
    return {name: value for name, value in answer.json().items() if name not in VARYING}


@pytest.mark.parametrize("path", BODIES)
def test_of_a_body(api: TestClient, path: str) -> None:
    document = Document(api)
    cases = list(document.optional(document.body(path)))
    needed = 100 if path in {"/job", "/workflow"} else 1
    understood: dict[str, dict[str, Any]] = {}  # by the body that leaves the field out
    for place, value in cases:
        if place[-1] in _holder(deepcopy(BODIES[path]), place):
            continue  # keys of a store, one way of three, and the one input of a workflow
        without = _without(BODIES[path], place)
        if (same := json.dumps(without)) not in understood:
            understood[same] = _understood(api, path, without)
        given = _understood(api, path, _put(BODIES[path], place, value))
        assert given == understood[same], (place, value)
    assert len(cases) >= needed or path in {"/credentials", "/data"}


ACTIONS = [f"/{kind}/{{id}}/cancel" for kind in ("data", "s3_data", "s3_result", "job", "workflow")]
KEYS = {"access_key": "a", "secret_key": "s"}
RETRY_KEYS: dict[str, dict[str, Any]] = {
    "/s3_data": KEYS,
    "/s3_result": KEYS,
    "/workflow": {"input": KEYS, "output": KEYS},
}
WITHOUT_OPTIONAL = {"/files", "/files/{id}/parts", "/status"}


def test_every_body_with_optional_fields_is_tried(api: TestClient) -> None:
    document = Document(api)
    paths = {
        path for path, each in document.document["paths"].items() if "requestBody" in each.get("post", {})
    }
    retries = {path.replace("cancel", "retry") for path in ACTIONS}
    assert paths == {*BODIES, *ACTIONS, *retries, *WITHOUT_OPTIONAL}
    for path in WITHOUT_OPTIONAL:
        assert list(document.optional(document.body(path))) == []


@pytest.mark.parametrize("path", [*ACTIONS, *(path.replace("cancel", "retry") for path in ACTIONS)])
def test_of_an_action(api: TestClient, path: str) -> None:
    collection = "/" + path.split("/")[1]
    document = Document(api)
    keys = RETRY_KEYS.get(collection, {}) if path.endswith("retry") else {}
    for place, value in document.optional(document.body(path)):
        if place[-1] in {*keys, *KEYS}:
            continue
        row = api.post(collection, json=BODIES[collection]).json()["id"]
        if path.endswith("retry"):
            api.post(f"{collection}/{row}/cancel").raise_for_status()
        answer = api.post(path.replace("{id}", row), json=_put(keys, place, value))
        assert answer.is_success, (place, value, answer.text)


def test_of_a_query(api: TestClient) -> None:
    document = Document(api)
    for path, operations in document.document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            kinds = document.parts(parameter["schema"])
            if parameter["in"] == "query" and any(kind.get("type") == "string" for kind in kinds):
                if "{id}" in path:
                    continue  # `stream` of a log and `signals` of a preview are no filters
                answer = api.get(path, params={parameter["name"]: ""})
                expected = 406 if path == "/events" else 200  # a stream has to be asked for
                assert answer.status_code == expected, (path, parameter["name"], answer.text)
