"""Paths of requests that probably mean another place are told at once, in warnings or in the refusal."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.rows import S3

KEYS = {"access_key": "a", "secret_key": "s", "infrastructure": "hpc"}


def warnings(api: TestClient, services: list[str], **params: Any) -> list[str]:
    body = {"services": services, "infrastructure": "hpc", "params": {"read_input_data": "/x.csv", **params}}
    answer = api.post("/job", json=body)
    assert answer.status_code == 201, answer.text
    found: list[str] = answer.json()["warnings"]
    return found


def test_a_job_that_names_the_data_folder_again_is_warned(api: TestClient) -> None:
    (told,) = warnings(api, ["fft"], read_input_data="serrano/data/Init_Data/x.csv")
    assert told.endswith("'/Init_Data/x.csv' was probably meant")
    assert (
        warnings(api, ["fft"], read_input_data="serrano/data/x.csv", root_dir="${HOME}", workspace="/") == []
    )


def test_knn_says_what_its_paths_should_name(api: TestClient) -> None:
    told = warnings(
        api, ["knn"], inference_knn_path="/Init_Data/q.csv", clustering_label_path="/Output_Data/"
    )
    assert [each.partition(" ")[0] for each in told] == [
        "params.inference_knn_path",
        "params.clustering_label_path",
    ]
    assert warnings(api, ["knn"]) == []
    assert warnings(api, ["fft"], inference_knn_path="/Init_Data/q.csv") == []


@pytest.mark.parametrize(("kind", "field"), [("s3_data", "dst"), ("s3_result", "src")])
def test_a_transfer_to_a_doubled_place_is_warned(api: TestClient, kind: str, field: str) -> None:
    path = "serrano/data/serrano/data/Init_Data/x.csv"
    answer = api.post(f"/{kind}", json=S3 | KEYS | {field: path})
    assert answer.status_code == 201, answer.text
    (told,) = answer.json()["warnings"]
    assert told == f"{path!r} starts at the home; 'serrano/data/Init_Data/x.csv' was probably meant"
    plain = api.post(f"/{kind}", json=S3 | KEYS | {field: "serrano/data/Init_Data/x.csv"})
    assert plain.json()["warnings"] == []


def test_a_refused_path_names_the_one_that_was_meant(api: TestClient) -> None:
    answer = api.post("/s3_result", json=S3 | KEYS | {"src": "/serrano/data/Output_Data/x.csv"})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("; 'serrano/data/Output_Data/x.csv' was probably meant")
    assert answer.json()["detail"].count("src:") == 1
