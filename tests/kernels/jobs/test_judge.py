"""The command `judge`: the document of each form of table, its preview, and hostile bytes."""

import base64
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hpc_kernels.jobs import judged_text
from hpc_kernels.jobs.judge import judge_file
from tests.kernels.preview_files import PreviewFile, decode_preview

PAIRS = (
    "AAPL,,MSFT,\nDate,Price,Date,Price\n,,,\n2026-01-02,1.5,2026-01-02,2.5\n2026-01-05,1.6,2026-01-05,2.4\n"
)
CO2 = "date,co2\n2026-01-01,1\n2026-01-02,\n2026-01-03,3\n"
VOLUME = "Date,Open,Close,Volume\n2026-01-02,1,2,\n2026-01-05,2,3,4\n"
UNEVEN = "t;a\n2026-01-01;1\n2026-01-02;2\n2026-01-09;3\n"


def judge(folder: Path, content: bytes | str, name: str = "x.csv") -> list[dict[str, Any]]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [found.document() for found in judge_file(path)]


def run(content: Path, folder: Path, name: str = "x.csv") -> subprocess.CompletedProcess[bytes]:
    folder.mkdir()
    with content.open("rb") as table:
        return subprocess.run(
            [sys.executable, "-I", "-m", "hpc_kernels", "judge", name],
            stdin=table,
            capture_output=True,
            cwd=folder,
            env={"HPC_KERNELS_CACHE": os.environ.get("HPC_KERNELS_CACHE", str(Path.home() / ".cache"))},
            timeout=100,
            check=False,
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1;2\n3;4\n", {"separator": ";", "decimal": ".", "header": True, "signals": ["a", "b"]}),
        ("1.5\t2\n3\t4\n", {"separator": "\t", "header": False, "signals": ["1", "2"], "samples": 2}),
        ("x;y\nm;V\n1,5;20\n", {"decimal": ",", "units": ["m", "V"], "samples": 1, "missing": 0}),
        ("d,a\n2026-01-01,1\n2026-01-02,2\n", {"time_column": "d", "rate": 1 / 86400, "signals": ["a"]}),
        (UNEVEN, {"time_column": "t", "rate": None, "samples": 3}),
        ("a;b\n1;2\n;3\n5;NA\n", {"missing": 2, "helps": "missing", "samples": 3, "signals_total": 2}),
        (PAIRS, {"layout": "asset_pairs"}),
        (CO2, {"layout": "sensor_table", "helps": "missing", "time_column": "date", "missing": 1}),
        (VOLUME, {"layout": "asset_pairs", "helps": None, "signals": ["Close"], "missing": 0}),
        (gzip.compress(b"a;b\n1;2\n", mtime=0), {"format": "csv", "packed": "gzip", "samples": 1}),
        ("a;b\n1;2\n".encode("utf-16"), {"packed": "utf-16", "signals": ["a", "b"]}),
        (b"PK\3\4xx", {"format": None, "samples": None, "preview": None}),
    ],
)
def test_the_document_of_a_text(tmp_path: Path, text: str | bytes, expected: dict[str, Any]) -> None:
    (found,) = judge(tmp_path, text)
    assert found["whole"] is True
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b\n1;2\n;3\n", "x.csv: row 3, column 1 ('a'): expected a finite number, found a blank cell"),
        ("a;b\n1;2\n3\n", "x.csv: row 3, column 2 ('b'): expected 2 cells, found 1"),
        ("", "found an empty file"),
        (b"PK\3\4xx", "found a ZIP archive"),
        (gzip.compress(b"a;b\n" * 1000, mtime=0)[:-9], "not a whole gzip file"),
        ("day,a\n03/04/2026,1\n04/05/2026,2\n", "day and month cannot be told apart"),
        (PAIRS, "set it to 1"),
    ],
)
def test_the_first_problem_in_the_kernels_words(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in judge(tmp_path, text)[-1]["problem"]


def test_a_blank_beside_the_prices_is_told_with_its_cell(tmp_path: Path) -> None:
    (found,) = judge(tmp_path, VOLUME)
    assert "row 2, column 4 ('Volume')" in found["problem"]
    assert "inbestme_kernel" not in judge(tmp_path, CO2)[0]["problem"]


def test_a_long_table_is_judged_by_its_beginning_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged_text, "BEGINNING_BYTES", 1000)
    text = "a;b\n" + "1;2\n" * 1000
    for content in (text.encode(), gzip.compress(text.encode())):
        first, last = judge(tmp_path, content)
        assert (first["whole"], first["samples"], first["problem"]) == (False, 249, None)
        assert (last["whole"], last["samples"]) == (True, 1000)
    _, last = judge(tmp_path, text + "3;x\n")
    assert "row 1002, column 2 ('b'): expected a finite number, found 'x'" in last["problem"]


def test_a_packed_table_without_its_end_is_judged_by_its_beginning(tmp_path: Path) -> None:
    packed = gzip.compress(b"a;b\n" + b"1;2\n" * 700_000)
    first, last = judge(tmp_path, packed[:-20])
    assert (first["whole"], first["signals"], first["problem"]) == (False, ["a", "b"], None)
    assert "not a whole gzip file" in last["problem"]


@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_binary_tables(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).standard_normal((300, 4))
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, values)
    else:
        pl.DataFrame(values, schema=list("abcd")).write_parquet(path)
    (found,) = [each.document() for each in judge_file(path)]
    assert (found["format"], found["samples"], found["signals_total"]) == (kind, 300, 4)
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", "15000")  # two blocks
    first, last = judge_file(path)
    assert (first.whole, first.preview, last.whole) == (False, None, True)
    assert last.preview is not None
    np.testing.assert_array_equal(last.preview.least, values.T)


@pytest.mark.parametrize(
    ("content", "name"), [(b"\x93NUMPY\1\0", "x.npy"), (b"PAR1garbagePAR1", "x.parquet"), (b"", "x.parquet")]
)
def test_broken_binary_tables_have_a_problem(tmp_path: Path, content: bytes, name: str) -> None:
    (found,) = judge(tmp_path, content, name)
    assert found["whole"] is True
    assert name in found["problem"]


def test_the_command_reads_standard_input_alone(tmp_path: Path) -> None:
    table = tmp_path / "secret-name"
    table.write_text("a;b\n1;5\n;7\n-3;6\n")
    done = run(table, tmp_path / "scratch")
    assert (done.returncode, done.stderr) == (0, b"")
    document = json.loads(done.stdout)
    found: PreviewFile = decode_preview(base64.b64decode(document.pop("preview")))
    assert "secret-name" not in done.stdout.decode()
    assert document["problem"].startswith("x.csv: row 3")
    np.testing.assert_array_equal(found.least, [[1, np.nan, -3], [5, 7, 6]])
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_parquet_file_is_decoded_through_standard_input(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1.0, 2.0]}).write_parquet(tmp_path / "t")
    done = run(tmp_path / "t", tmp_path / "scratch", "x.parquet")
    assert json.loads(done.stdout)["signals"] == ["a"], done.stderr


def test_a_bomb_ends_with_a_sentence(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    with gzip.open(bomb, "wb", 1) as file:
        file.write(b"a;b\n")
        for _ in range(80):
            file.write(b"1;" * (1 << 19))
    done = run(bomb, tmp_path / "scratch")
    assert done.returncode == 0, done.stderr
    assert "expected at most 33,554,432" in json.loads(done.stdout.splitlines()[-1])["problem"]
