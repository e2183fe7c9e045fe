"""`hpc-gateway run` prints how the table is understood, and says before the upload what `knn` needs."""

from pathlib import Path
from typing import Any

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


def run(
    folder: Path, table: dict[str, Any] | None, *words: str, service: str = "fft"
) -> tuple[int, str, list[str]]:
    """Run the workflow; return status, stderr and the kinds of the accepted rows."""
    gateway = HeldGateway()
    gateway.table, gateway.job_warnings = table, ["told", "other"]
    with running(folder, gateway) as started:
        process = started.start("run", service, "a file.csv", "--on", "demo", *words)
        _, err = process.communicate(timeout=60)
    return process.returncode, err, [url.split("/")[1] for url in gateway.rows]


def test_the_judgement_is_printed_and_cleaned(tmp_path: Path) -> None:
    status, err, _ = run(tmp_path, KNOWN)
    assert status == 0
    assert err.splitlines()[:3] == [
        "1 signals (a\\x1b[31m) of 3 samples, 1 cells missing, csv, separator ';', decimal '.'",
        "told",
        "warning: other",
    ], "each warning once"


def test_a_table_that_is_not_judged_goes_on(tmp_path: Path) -> None:
    status, err, _ = run(tmp_path, {"state": "unknown", "reason": "no interpreter"})
    assert status == 0
    assert "the table is not judged: no interpreter" in err


def test_a_gateway_that_judges_no_tables_is_no_obstacle(tmp_path: Path) -> None:
    assert run(tmp_path, None)[0] == 0


def test_knn_says_what_it_needs_before_anything_is_uploaded(tmp_path: Path) -> None:
    status, err, kinds = run(tmp_path, None, service="knn")
    assert (status, kinds) == (1, [])
    assert "knn classifies by a folder of the cluster" in err


def test_yes_sends_a_knn_with_the_default_places(tmp_path: Path) -> None:
    assert "workflow" in run(tmp_path, None, "--yes", service="knn")[2]
