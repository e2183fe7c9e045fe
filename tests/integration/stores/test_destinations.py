"""A `dst` that ends in `/` is a folder, in which the file keeps the last name of its source."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.bodies import DATA

URL = {"src": "https://example.org/a/b%20c.csv?x=/y", "infrastructure": "hpc"}


@pytest.mark.parametrize(
    ("url", "body", "dst"),
    [
        ("/s3_data", {**DATA, "dst": "in/", "object": "a/b c.csv"}, "in/b c.csv"),
        ("/s3_data", {**DATA, "dst": "in/", "object": "b.csv"}, "in/b.csv"),
        ("/s3_data", {**DATA, "dst": "in/", "object": "a/"}, "in/"),
        ("/s3_data", {**DATA, "dst": "in/x", "object": "b.csv"}, "in/x"),
        ("/data", {**URL, "dst": "in/"}, "in/b c.csv"),
        ("/data", {**URL, "dst": "in"}, "in"),
    ],
)
def test_a_folder_takes_the_last_name(api: TestClient, url: str, body: dict[str, Any], dst: str) -> None:
    answer = api.post(url, json=body)
    assert (answer.status_code, answer.json().get("dst")) == (201, dst)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/s3_data", {**DATA, "dst": "in/", "object": "a/.."}),
        ("/s3_data", {**DATA, "dst": "in/", "object": "."}),
        ("/data", {**URL, "dst": "in/", "src": "https://example.org/"}),
        ("/data", {**URL, "dst": "in/", "src": "https://example.org/a/%2E%2E"}),
    ],
)
def test_a_source_without_a_last_name_is_400(api: TestClient, url: str, body: dict[str, Any]) -> None:
    answer = api.post(url, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["loc"][-1]) == (400, "dst")
