"""Tables that are refused: each with its kind, its place, and the option or the way that helps."""

import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hpc_kernels.errors import BadInputError
from tests.kernels.tables.reading import read_table, read_text

REFUSED: dict[str, tuple[str | bytes, dict[str, Any] | None, str]] = {
    "ambiguous day": (
        "d,a\n03/04/2026,1\n04/05/2026,2\n",
        None,
        "row 2, column 1 .*table.time_column",
    ),
    "thousands": ("a;b\n1;1,234,567\n", None, r"row 2, column 2 \('b'\).*thousands"),
    "thousands of points": ("a;b\n1;1.234,5\n", None, "row 2, column 2 .*thousands"),
    "thousands or decimals": ("a;b\n1;1,234\n", None, "row 2, column 2 .*params.table.decimal"),
    "thousands in quotes": ('a,b\n1,"1,234"\n', None, "row 2, column 2 .*thousands"),
    "blanks between thousands": ("a;b\n1;1 234\n", None, "row 2, column 2 .*thousands"),
    "two decimal marks": ("a;b\n1.5;2,5\n", None, "row 2, column 2 .*params.table.decimal"),
    "decimal commas between commas": ("a,b\n1,5\n", {"decimal": ","}, "row 1: .*params.table.separator"),
    "decimal commas after sep=": ("sep=,\na,b\n1,5\n", {"decimal": ","}, "row 2: .*params.table.separator"),
    "a row that counts": ("1;2\n", {}, r"row 2: .*row 1 \(1, 2\) is read as names: .*params.table.header"),
    "years of two digits": (
        "d;a\n1/2/26;1\n",
        None,
        "row 2, column 1 .*month and day .*params.table.time_column",
    ),
    "missing words below the header": ("a;b\nx;NA\n1;2\n", None, "row 2, column 1 .*found 'x'"),
    "missing": ("a;b\n1;\n", None, "row 2, column 2 .*params.table.missing .*interpolate, previous or drop"),
    "missing word": ("a;b\n1;NaN\n", {}, "row 2, column 2 .*params.table.missing"),
    "long": (
        "s,d,v\nA,2026-01-01,1\nA,2026-01-02,2\nB,2026-01-01,3\n",
        None,
        r"pivot\(index='d', columns='s', values='v'\)",
    ),
    "texts": ("a,s\n1,x\n2,y\n", None, r"row 2, column 2 \('s'\).*'x'; .*params.table.skip"),
    "times behind": ("a,s\n1,2026-01-01\n2,2026-01-02\n", None, "column 2 .*params.table.time_column"),
    "unknown column": ("a;b\n1;2\n", {"columns": ["c"]}, "params.table.columns names 'c'"),
    "unknown time": ("a;b\n1;2\n", {"time_column": "c"}, "params.table.time_column names 'c'"),
    "unknown skip": ("a;b\n1;2\n", {"skip": ["c"]}, "params.table.skip names 'c'"),
    "name of two": ("a;a\n1;2\n", {"columns": ["a"]}, "which 2 columns are called"),
    "time alone": ("d\n2026-01-01\n", None, "expected at least one signal beside the time"),
    "all missing": ("a;b\n1;\n2;\n", {"missing": "interpolate"}, "'b' has no number at all"),
    "all dropped": ("a;b\n1;\n2;\n", {"missing": "drop"}, "every row has a missing number"),
    "PDF": (b"%PDF-1.7\n", None, "a PDF document; export"),
    "JSON, numbers": ("[1, 2.5e3, -3]", {}, "a JSON document"),
    "JSON, many numbers": ("[1,\n" + "2," * 400, {}, "a JSON document"),
    "HTML, a part": ("<table><tr><td>1", None, "an HTML page"),
    "JSON": ('[{"a": 1}]', {}, "a JSON document"),
    "HTML": ("<!DOCTYPE html>\n<html>", None, "an HTML page"),
    "UTF-16 without a mark": ("a;b\n1;2\n".encode("utf-16-le"), None, "save the table as CSV in UTF-8"),
    "Zstandard": (b"\x28\xb5\x2f\xfd123", None, "packed by Zstandard; unpack it"),
    "NumPy": (b"\x93NUMPY\x01\x00", None, r"a name that ends in \.npy"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_way_out(tmp_path: Path, case: str) -> None:
    text, options, message = REFUSED[case]
    with pytest.raises(BadInputError, match=message) as caught:
        read_text(tmp_path, text, options)
    assert str(caught.value).startswith("x.csv: ")
    assert "\n" not in str(caught.value)


PRICES_REFUSED: dict[str, tuple[str | bytes, str]] = {
    "a wrong date in row 2": (
        "A,\n2026-0-01,27\n2026-01-02,3\n2026-01-03,5\n",
        "row 2, column 1: .*'2026-0-01'",
    ),
    "a wrong date in row 3": ("A,B\nx,y\n2026/1/2,27\n2026-01-02,3\n", "row 3, column 1: .*'2026/1/2'"),
    "day first": (
        "A,,B,\n3.1.2026,1,3.1.2026,2\n2026-01-04,1,2026-01-04,2\n",
        "row 2, column 1: .*'3.1.2026'",
    ),
    "dates behind prices": ("Close,Date\n1,2026-01-02\n2,2026-01-05\n", "params.table.time_column names"),
    "thousands": (
        'Date,Close\n2026-01-02,"1,234.5"\n2026-01-05,"1,235.0"\n',
        r"row 2, column 2 \('Close'\).*thousands",
    ),
    "ZIP": ("PK\3\4", "an Excel workbook"),
    "JSON": ('{"a": 1}', "a JSON document"),
    "Parquet": (b"PAR1\0\0\xff", "a Parquet file; .* for prices write it as CSV"),
}


@pytest.mark.parametrize("options", [None, {}])
@pytest.mark.parametrize("case", PRICES_REFUSED)
def test_price_files_that_are_refused(tmp_path: Path, case: str, options: dict[str, Any] | None) -> None:
    text, message = PRICES_REFUSED[case]
    with pytest.raises(BadInputError, match=message) as caught:
        read_text(tmp_path, text, options, "asset_pairs")
    assert "\n" not in str(caught.value)


def test_binary_files_that_are_called_csv(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as packed:
        packed.writestr("a", "b")
    with pytest.raises(BadInputError, match=r"an Excel workbook \(.xlsx\); .*CSV UTF-8"):
        read_text(tmp_path, (tmp_path / "x.xlsx").read_bytes())
    pl.DataFrame({"a": [1.0]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(BadInputError, match=r"a Parquet file; .* ends in .parquet"):
        read_text(tmp_path, (tmp_path / "x.parquet").read_bytes())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"header": "maybe"}, "params.table.header must be auto, true or false, not 'maybe'"),
        ({"colour": 1}, "params.table has no option 'colour'; it has: header"),
        ({"columns": ["a", "a"]}, "params.table.columns must be .* each of them once"),
        ({"columns": ["a"], "skip": ["a"]}, "params.table.skip must not name 'a'"),
        ({"separator": ",", "decimal": ","}, "params.table.decimal must be"),
        ({"missing": 0}, "params.table.missing must be one of error"),
    ],
)
def test_options_that_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_text(tmp_path, "a;b\n1;2\n", options)


@pytest.mark.parametrize("options", [{"columns": ["a"]}, {"skip": ["a"]}, {"missing": "drop"}])
def test_choices_that_a_binary_table_does_not_know(tmp_path: Path, options: dict[str, Any]) -> None:
    pl.DataFrame({"a": [1.0]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(BadInputError, match=f"params.table.{next(iter(options))} counts for CSV alone"):
        read_table(tmp_path / "x.parquet", options)


@pytest.mark.parametrize("options", [None, {}])
@pytest.mark.parametrize(
    "text",
    [
        "AAPL,,MSFT,\nDate,Price,Date,Price\n,,,\n2026-01-02,1.5,2026-01-02,2.5\n",
        "AAPL,,MSFT,\n2026-01-02,1.5,2026-01-02,2.5\n2026-01-03,1.5,,\n",
        "AAPL,\nDate,Price\nday,USD\n2026-01-02,1.5\n",
    ],
)
def test_a_file_of_asset_pairs_is_told_its_layout(
    tmp_path: Path, text: str, options: dict[str, Any] | None
) -> None:
    with pytest.raises(BadInputError, match="which is the layout of inbestme_kernel: set it to 1"):
        read_text(tmp_path, text, options)


@pytest.mark.parametrize(
    "text", ["a;b\n1;2\n3;x\n", "date,co2\n2026-01-01,1\n2026-01-02,\n", "2026-01-01,1\n2026-01-02,\n"]
)
def test_another_table_is_not_taken_for_asset_pairs(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_text(tmp_path, text)
    assert "inbestme_kernel" not in str(refused.value)
