"""The judgement of a table in sentences, and the problems of jobs that the client sees."""

from typing import Any

import pytest

from hpc_gateway_client import GatewayClientError, TableJudgement
from hpc_gateway_client.commands.services import check_needs

KNOWN: dict[str, Any] = {
    "state": "known",
    "whole": True,
    "format": "csv",
    "separator": ";",
    "decimal": ",",
    "header": True,
    "signals": ("a", "b"),
    "signals_total": 2,
    "samples": 1234,
    "missing": 0,
}


TIMED = {"time_column": "t", "rate": 0.5, "missing": 3, "separator": "\t", "packed": "gzip"}
MARKS = ", separator 'tab', decimal ','"
FIVE = "6 signals (a, b, c, d, e, ...) of more than 1,234 samples, csv"
BEGINNING = {
    "whole": False,
    "header": False,
    "signals": tuple("abcdef"),
    "signals_total": 6,
    "warnings": ("w",),
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["2 signals (a, b) of 1,234 samples, csv, separator ';', decimal ','"]),
        (
            TIMED,
            [f"2 signals (a, b) of 1,234 samples, 3 cells missing, gzip{MARKS}, time t (0.5 Hz)"],
        ),
        (
            BEGINNING,
            [
                FIVE + ", separator ';', decimal ',', no header",
                "w",
            ],
        ),
        ({"state": "unknown", "reason": "no interpreter"}, ["the table is not judged: no interpreter"]),
        ({"state": "judging"}, ["the table is not judged: there is no answer yet"]),
        ({"samples": None}, []),
    ],
)
def test_a_judgement_in_sentences(changes: dict[str, Any], expected: list[str]) -> None:
    assert TableJudgement(**(KNOWN | changes)).sentences() == expected


@pytest.mark.parametrize(
    ("services", "params", "words"),
    [
        (["kmean"], {"kmean": {"cluster_number": 3}}, "kmean needs at least 3 signals for 3 clusters"),
        (["kmean"], {"kmean": {"cluster_number": 2}}, ""),
        (["kmean"], {"kmean": {"cluster_number": "x"}}, ""),
        (["kmean"], {}, ""),
        (["fft"], {"kmean": {"cluster_number": 3}}, ""),
    ],
)
def test_kmean_needs_as_many_signals_as_clusters(
    services: list[str], params: dict[str, Any], words: str
) -> None:
    found = TableJudgement(**KNOWN).problem_of_job(services, params)
    assert found.startswith(words)
    assert bool(found) == bool(words)


def test_knn_names_the_folder_and_the_labels_that_it_needs() -> None:
    with pytest.raises(
        GatewayClientError, match=r"a folder of the cluster .*inference_knn_path=.* and a file of l"
    ):
        check_needs(["knn"], {})
    with pytest.raises(GatewayClientError, match="by a file of labels") as refused:
        check_needs(["knn"], {"inference_knn_path": "/x"})
    assert "inference_knn_path" not in str(refused.value)
    check_needs(["knn"], {"inference_knn_path": "/x", "clustering_label_path": "/y"})
    check_needs(["fft"], {})
