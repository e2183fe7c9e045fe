"""Broken tables of every kind: exit code 2, one line with the place and the reason, no output."""

import gzip
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables import npy
from hpc_kernels.tables.input import TableInput
from tests.kernels.job_folder import JobFolder

TEXTS = {
    "empty": ("", "expected a header and samples, found an empty file"),
    "only blank lines": ("\n\n\r\n", "found an empty file"),
    "byte order mark only": ("\ufeff", "found an empty file"),
    "blank header": (";;\n1;2\n", "row 1: expected the names of the signals"),
    "open quote in the header": ('"a;b\n1;2\n', "row 1: expected the end of a quoted name, found none"),
    "header only": ("a;b\n", "row 2: expected at least one sample, found none"),
    "header without line end": ("a;b", "expected at least one sample, found none"),
    "short row": ("a;b\n1;2\n3\n", r"row 3, column 2 \('b'\): expected 2 cells, found 1$"),
    "long row": ("a;b\n1;2\n3;4;5\n", "row 3, column 3: expected 2 cells, found 3$"),
    "long row, blank at the end": ("a;b\n1;2;;\n", "row 2, column 3: expected 2 cells, found 4$"),
    "value after the trailing separator": ("a;b;\n1;2;3\n", "row 2, column 3: expected 2 cells, found 3$"),
    "blank line inside": ("a;b\n1;2\n\n3;4\n", "row 3, column 1: expected 2 cells, found a blank line"),
    "blank line, one column": ("a\n1\n\n3\n", r"row 3, column 1 \('a'\): .*found a blank cell"),
    "text": ("a;b\n1;2\n3;x4\n", r"row 3, column 2 \('b'\): expected a finite number, found 'x4'"),
    "blank cell": ("a;b\n1;\n", r"row 2, column 2 \('b'\): .*found a blank cell"),
    "blank first cell": ("a;b\n;1\n", r"row 2, column 1 \('a'\): .*found a blank cell"),
    "spaces only": ("a;b\n1;  \n", r"row 2, column 2 \('b'\): .*found a blank cell"),
    "nan": ("a;b\n1;nan\n", r"row 2, column 2 \('b'\): expected a finite number, found 'nan'"),
    "NaN": ("a;b\n1;2\nNaN;1\n", r"row 3, column 1 \('a'\): .*found 'NaN'"),
    "infinite": ("a;b\n1;-inf\n", r"row 2, column 2 \('b'\): .*found '-inf'"),
    "overflow": ("a;b\n1;1e999\n", r"row 2, column 2 \('b'\): .*found '1e999'"),
    "decimal comma between commas": ("a,b\n1,5,2,5\n", "row 2, column 3: expected 2 .* decimal comma"),
    "decimal comma in quotes": ('a,b\n1,2\n3,"1,5"\n', r"row 3, column 2 \('b'\): .*'1,5'; use a decimal"),
    "decimal commas in quotes": ('a,b\n"1,5","2,5",\n', r"row 2, column 1 \('a'\): .*'1,5'; use a decimal"),
    "decimal comma and semicolons": ("a,b\n1,5;2,5\n", r"row 2, column 2 \('b'\): .*'5;2'"),
    "decimal comma and a thousand": (
        "a;b\n1;1.234,5\n",
        r"row 2, column 2 \('b'\): .*'1.234,5': .*thousands",
    ),
    "two dots": ("a\n1.2.3\n", "found '1.2.3'"),
    "exponent without digits": ("a\n1e\n", "found '1e'"),
    "sign only": ("a\n-\n", "found '-'"),
    "dot only": ("a\n.\n", r"found '\.'"),
    "underscore": ("a\n1_000\n", "found '1_000'"),
    "hexadecimal": ("a\n0x10\n", "found '0x10'"),
    "inner space": ("a\n1 2\n", "found '1 2'"),
    "open quote": ('a\n1\n"2\n', "row 3, column 1"),
    "non-ASCII digit": ("a\n\u0661\n", "row 2, column 1"),
    "zero byte": ("a\n1\0\n", "row 2, column 1"),
    "true": ("a\ntrue\n", "found 'true'"),
}


def read_all(path: Path) -> None:
    TableInput(path).read(range)


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=TEXTS.keys())
def test_broken_text(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode())
    with pytest.raises(BadInputError, match=message) as caught:
        read_all(path)
    assert str(caught.value).startswith("bad.csv: ")
    assert "\n" not in str(caught.value)


GOOD = {
    "plain": "a;b\n1;2\n3;4\n",
    "comma": "a,b\n1,2\n3,4\n",
    "tab": "a\tb\n1\t2\n3\t4\n",
    "trailing separator": "a;b;\n1;2;\n3;4;\n",
    "trailing separator in the header only": "a;b;\n1;2\n3;4\n",
    "trailing separator now and then": "a;b\n1;2;\n3;4\n",
    "byte order mark": "\ufeffa;b\n1;2\n3;4\n",
    "CRLF": "a;b\r\n1;2\r\n3;4\r\n",
    "no last line end": "a;b\n1;2\n3;4",
    "blank lines at the end": "a;b\n1;2\n3;4\n\n\n",
    "quotes": '"a";"b"\n"1";2\n3;"4"\n',
    "spaces": "a;b\n 1;2 \n3; 4\n",
    "signs and exponents": "a;b\n+1;2.\n30e-1;.4e+1\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_every_spelling_of_the_same_table(tmp_path: Path, text: str) -> None:
    path = tmp_path / "good.csv"
    path.write_bytes(text.encode())
    table = TableInput(path).read(range)
    assert list(table.names) == ["a", "b"]
    assert table.signals.tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a;a", ["a", "a"]),
        ('"x;y";z', ["x;y", "z"]),
        ("one", ["one"]),
        ("é;名", ["é", "名"]),
        ("a,1;b", ["a,1", "b"]),
        ('pipe 5";pipe 6";c', ['pipe 5"', 'pipe 6"', "c"]),
        ('"two\nlines";"a ""word"""', ["two\nlines", 'a "word"']),
    ],
)
def test_names(tmp_path: Path, header: str, names: list[str]) -> None:
    path = tmp_path / "good.csv"
    path.write_text(f"{header}\n" + ";".join("1" * len(names)) + "\n")
    assert list(TableInput(path).read(range).names) == names


def test_files_with_a_wrong_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"no array")
    (tmp_path / "a.parquet").write_bytes(b"no table")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n1\n" * 100)[:-9])
    for name in ("a.npy", "a.parquet", "a.csv.gz", "absent.csv"):
        with pytest.raises(BadInputError, match=re.escape(name)):
            read_all(tmp_path / name)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([["x"]]), "expected numbers"),
        (np.zeros((2, 2, 2)), "rows = samples"),
        (np.zeros((0, 3)), "rows = samples"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), "row 2, column 2"),
        (np.array([[np.inf, 2.0]]), "row 1, column 1"),
    ],
)
def test_broken_npy(tmp_path: Path, values: np.ndarray[Any, Any], message: str) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(BadInputError, match=message):
        read_all(tmp_path / "a.npy")


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a;b;c\n1;2;3\n3;7;-1e300\n2e99;1;1\n", "row 3, column 3 ('c'): -1e+300"),
        ('"a\nb";c;d\n1;2;1e40\n', "row 3, column 3 ('d'): 1e+40"),
    ],
)
def test_beyond_single_precision(jobs: JobFolder, text: str, message: str, ranks: int) -> None:
    assert jobs.run(jobs.input(text), {"fft": {}}, ranks, precision_scenario=3)[0] == 2
    assert jobs.stderr == f"input.csv: {message} is beyond single precision\n"


def test_beyond_single_precision_in_other_layouts(jobs: JobFolder) -> None:
    np.save(jobs.root / "a.npy", np.array([[1.0, 2.0], [3.0, 1e300]]))
    assert jobs.run(jobs.root / "a.npy", {"fft": {}}, precision_scenario=3) == [2]
    assert jobs.stderr == "a.npy: row 2, column 2 ('signal_1'): 1e+300 is beyond single precision\n"
    prices = jobs.input("A,,B,\nd,p,d,p\nx,x,x,x\n2026-01-02,1,2026-01-02,1e39\n2026-01-05,1e39,,\n")
    assert jobs.run(prices, {"black_scholes": {}}, precision_scenario=3, layout="asset_pairs") == [2]
    assert jobs.stderr == "input.csv: row 4, column 4 ('B'): 1e+39 is beyond single precision\n"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("mine", [range(1), range(3), range(2, 3)])
def test_every_share_of_an_array_names_the_first_bad_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Literal["C", "F"], mine: range
) -> None:
    monkeypatch.setattr(npy, "_CELLS_AT_ONCE", 4)
    values = np.asarray(np.arange(30.0).reshape(10, 3), order=order)
    np.save(tmp_path / "a.npy", values)
    names, signals = npy.read_npy(tmp_path / "a.npy", lambda _total: mine)
    assert names == ["signal_0", "signal_1", "signal_2"]
    assert np.array_equal(signals, values.T[mine.start : mine.stop])
    values[6, 1], values[7, 0], values[8, 2] = np.inf, np.nan, np.nan
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(BadInputError, match=r"^a.npy: row 7, column 2 \('signal_1'\): .*, found inf$"):
        npy.read_npy(tmp_path / "a.npy", lambda _total: mine)


@pytest.mark.parametrize("mine", [range(1), range(3), range(2, 3)])
def test_every_share_of_parquet_names_the_first_bad_cell(tmp_path: Path, mine: range) -> None:
    values = np.arange(30.0).reshape(10, 3)
    pl.DataFrame(values, schema=["a", "b", "c"]).write_parquet(tmp_path / "a.parquet")
    table = TableInput(tmp_path / "a.parquet").read(lambda _total: mine)
    assert table.names == ["a", "b", "c"]
    assert np.array_equal(table.signals, values.T[mine.start : mine.stop])
    values[6, 1], values[7, 0], values[8, 2] = np.inf, np.nan, np.nan
    pl.DataFrame(values, schema=["a", "b", "c"]).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadInputError, match=r"^a.parquet: row 7, column 2 \('b'\): .*, found inf$"):
        TableInput(tmp_path / "a.parquet").read(lambda _total: mine)


def test_a_missing_input_ends_the_job(jobs: JobFolder) -> None:
    assert jobs.run(jobs.root / "none.csv", {"fft": {}}, ranks=2) == [2, 2]
    assert jobs.stderr == f"{jobs.root / 'none.csv'}: file not found\n"
    assert jobs.stdout == ""
    assert not list(jobs.published.rglob("*.csv"))


def test_a_path_that_names_a_folder_twice_is_told_the_file_that_is_there(tmp_path: Path) -> None:
    place = tmp_path / "serrano/data/x.csv"
    place.parent.mkdir(parents=True)
    place.write_text("a\n1\n")
    with pytest.raises(BadInputError, match=rf"file not found; {place} is there"):
        TableInput(tmp_path / "serrano/data/serrano/data/x.csv")
    with pytest.raises(BadInputError, match="file not found$"):
        TableInput(tmp_path / "serrano/data/y.csv")
