"""Label files that a spreadsheet opens: no name is a formula, and `knn` finds every name again."""

import csv
from pathlib import Path

import numpy as np
import pytest

from hpc_kernels.tables.labels import label_of, read_labels, write_labels

NAMES = {
    "a": "a",
    "": "",
    "=1+1": "'=1+1",
    '=HYPERLINK("http://x";"y")': '\'=HYPERLINK("http://x";"y")',
    "@SUM(A1)": "'@SUM(A1)",
    "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
    "-5V_rail": "'-5V_rail",
    "\t=1": "'\t=1",
    "'=1+1": "''=1+1",
    "'a": "'a",
    "-1.5": "-1.5",
    "+2e-3": "+2e-3",
    "-": "'-",
    "-\u0661": "'-\u0661",
}


def _write(file: Path, names: list[str]) -> dict[str, int]:
    write_labels(file, "timeseries;labels", names, np.arange(len(names)))
    return read_labels(file, len(names))


@pytest.mark.parametrize("name", NAMES)
def test_a_formula_begins_with_a_quote(name: str, tmp_path: Path) -> None:
    _write(tmp_path / "l.csv", [name])
    with (tmp_path / "l.csv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert rows == [["timeseries", "labels"], [NAMES[name], "0"]]


def test_every_name_is_found_again(tmp_path: Path) -> None:
    labels = _write(tmp_path / "l.csv", list(NAMES))
    assert [label_of(name, labels) for name in NAMES] == list(range(len(NAMES)))


def test_a_file_without_quotes_is_read_as_before(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("timeseries;labels\n=1+1;0\n-5V;1\n")
    labels = read_labels(tmp_path / "l.csv", 2)
    assert [label_of(name, labels) for name in ("=1+1", "-5V", "none")] == [0, 1, None]
