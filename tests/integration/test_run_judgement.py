"""`hpc-gateway run` prints how the table is understood, and stops before a job that would fail."""

from pathlib import Path
from typing import Any

import pytest

from tests.held_gateway import HeldGateway
from tests.run_command import running

KNOWN: dict[str, Any] = {
    "state": "known",
    "whole": True,
    "format": "csv",
    "separator": ";",
    "decimal": ".",
    "header": True,
    "signals": ["a\x1b[31m"],
    "signals_total": 1,
    "samples": 3,
    "missing": 1,
    "warnings": ["told"],
}
PROBLEM = "x.csv: row 3: a blank cell; params.table.missing reads on"


def run(
    folder: Path, table: dict[str, Any] | None, *words: str, service: str = "fft"
) -> tuple[int, str, list[str]]:
    """Run the workflow; return status, stderr and the kinds of the accepted rows."""
    gateway = HeldGateway()
    gateway.table = table
    with running(folder, gateway) as started:
        process = started.start("run", service, "a file.csv", "--on", "demo", *words)
        _, err = process.communicate(timeout=60)
    return process.returncode, err, [url.split("/")[1] for url in gateway.rows]


def test_the_judgement_is_printed_before_the_job_and_cleaned(tmp_path: Path) -> None:
    status, err, kinds = run(tmp_path, KNOWN)
    assert (status, kinds) == (0, ["s3_data", "job", "s3_result"])
    assert err.splitlines()[0] == (
        "1 signals (a\\x1b[31m) of 3 samples, 1 cells missing, csv, separator ';', decimal '.'"
    )
    assert err.splitlines()[1] == "told"


@pytest.mark.parametrize(
    ("words", "sent"),
    [((), False), (("--yes",), True), (("--param", "table.missing=drop"), True)],
)
def test_a_job_that_would_fail_is_sent_on_request_alone(
    tmp_path: Path, words: tuple[str, ...], *, sent: bool
) -> None:
    status, err, kinds = run(tmp_path, KNOWN | {"problem": PROBLEM}, *words)
    assert (status == 0, "job" in kinds) == (sent, sent)
    assert ("the job would fail: x.csv: row 3" in err) == (not sent)


def test_a_table_that_is_not_judged_goes_on(tmp_path: Path) -> None:
    status, err, _ = run(tmp_path, {"state": "unknown", "reason": "no interpreter"})
    assert status == 0
    assert "the table is not judged: no interpreter" in err


def test_knn_says_what_it_needs_before_anything_is_uploaded(tmp_path: Path) -> None:
    status, err, kinds = run(tmp_path, None, service="knn")
    assert (status, kinds) == (1, [])
    assert "knn classifies by a folder of the cluster" in err
