"""The judgement of a table in sentences, and the problems of jobs that the client sees."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from hpc_gateway_client import GatewayClientError, JobWouldFail, TableJudgement, Transfer
from hpc_gateway_client.calls import Calls
from hpc_gateway_client.commands.services import check_needs
from hpc_gateway_client.steps import Call

NOW = datetime(2026, 11, 30, tzinfo=UTC)

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


def carry_out(steps: Any, *answers: dict[str, Any]) -> Any:
    """Carry out steps with these answers, without their pauses; return the result and the paths."""
    paths, left = list[str](), list(answers)
    answer: httpx.Response | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value, paths
        answer = None
        if isinstance(step, Call):
            paths.append(step.path)
            answer = httpx.Response(200, json=left.pop(0))


ROW = Transfer(
    id=UUID(int=1),
    kind="s3_data",
    status="completed",
    state="completed",
    reason="",
    infrastructure="hpc",
    created_at=NOW,
    updated_at=NOW,
    attempt=1,
    bytes_total=1,
    bytes_done=1,
)


def test_the_judgement_is_waited_for() -> None:
    calls = Calls("hpc", None)
    table, paths = carry_out(calls.table(ROW, 60), {"state": "judging"}, KNOWN)
    assert (table.state, paths) == ("known", [f"{ROW.url}/table"] * 2)
    table, paths = carry_out(calls.table(ROW), {"state": "judging"})
    assert (table.state, len(paths)) == ("judging", 1)


def test_a_job_that_would_fail_is_an_error_of_the_client() -> None:
    calls = Calls("hpc", None)
    bad = KNOWN | {"problem": "x.csv: row 3: a blank cell"}
    with pytest.raises(JobWouldFail, match="row 3: a blank cell"):
        carry_out(calls.check_table(ROW, ["fft"]), bad)
    table, _ = carry_out(calls.check_table(ROW, ["fft"], {"table": {"missing": "drop"}}), bad)
    assert table.problem == bad["problem"]


def test_previews_are_asked_for_by_name() -> None:
    calls = Calls("hpc", None)
    (call,) = [next(calls.preview(ROW, signals=["a,b", 'c"']))]
    assert isinstance(call, Call)
    assert (call.path, call.params) == (f"{ROW.url}/preview", {"points": 2000, "signals": '"a,b","c"""'})
