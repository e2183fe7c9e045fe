"""Tables as spreadsheets, loggers and libraries leave them: read as meant, or refused with the way out."""

from pathlib import Path
from typing import Any

import pytest

from hpc_kernels.errors import BadInputError
from tests.kernels.tables.reading import Understood, read_text

Options = dict[str, Any] | None
PICO = "Time,Channel A\n(ms),(V)\n\n-5.0,0.25\n-4.0,0.5\n"
FILL = {"missing": "interpolate"}
DATES = "".join(f"2026-01-01 00:{i // 60:02}:{i % 60:02};{i}\n" for i in range(300))

READ: dict[str, tuple[str, Options, dict[str, list[float]], str]] = {
    "names in a comment": (
        "#a;b\n1;2\n3;4\n",
        {},
        {"a": [1, 3], "b": [2, 4]},
        "names are read from the comm",
    ),
    "names in a comment, filled": ("#a;b\n1;2\n;4\n", FILL, {"a": [1, 1], "b": [2, 4]}, "comment above"),
    "names in the last comment": ("# by A\n# t a\n0.5 1\n1 3\n", {}, {"t": [0.5, 1], "a": [1, 3]}, "1 lines"),
    "names in a comment, before": ("#a;b\n1;2\n3;4\n", None, {"#a": [1, 3], "b": [2, 4]}, ""),
    "a comment above names": ("# x;y\na;b\n1;2\n", {}, {"a": [1], "b": [2]}, "1 lines of comments"),
    "a date and a missing number": ("2026-01-01;NA\n2026-01-02;7\n", FILL, {"1": [7, 7]}, "read as a sample"),
    "columns above an index": (",1990,1991\n0,1,2\n1,3,4\n", {}, {"1990": [1, 3], "1991": [2, 4]}, "no name"),
    "blank rows at the end": (
        "a;b\n1;2\n3;4\n;\n;;\n",
        None,
        {"a": [1, 3], "b": [2, 4]},
        "at the end are left",
    ),
    "missing in the last row": ("a\tb\n1\t2\n3\t\n", FILL, {"a": [1, 3], "b": [2, 2]}, ""),
    "a blank line below the units": (PICO, {}, {"Time": [-5, -4], "Channel A": [0.25, 0.5]}, "units"),
    "columns of nothing": ("a;b;;;\n1;2;;;\n", {"skip": [""]}, {"a": [1], "b": [2]}, ""),
    "quotes inside of a remark": ('s;a\nx "y;1\n', {"columns": ["a"]}, {"a": [1]}, ""),
    "doubled returns": ("a;b\r\r\n1;2\r\r\n3;4\r\r\n", {}, {"a": [1, 3], "b": [2, 4]}, ""),
    "a tab before a text": (
        'x y s\n8  7.5\t"a b"\n9  8.5\t"c"\n',
        {"skip": ["s"]},
        {"x": [8, 9], "y": [7.5, 8.5]},
        "",
    ),
    "points of thousands": (
        "a;b\n950;1\n1.234;2\n2.345;3\n",
        {},
        {"a": [950, 1.234, 2.345], "b": [1, 2, 3]},
        "thousands",
    ),
    "numbers beside missing, before": ("7;;9\n1;2;3\n", None, {"7": [1], "": [2], "9": [3]}, "table.header"),
}


@pytest.mark.parametrize("case", READ)
def test_read_as_meant(tmp_path: Path, case: str) -> None:
    text, options, signals, told = READ[case]
    table = read_text(tmp_path, text, options)
    assert dict(zip(table.names, table.columns, strict=True)) == signals
    assert told in table.warnings


REFUSED: dict[str, tuple[str | bytes, Options, str]] = {
    "numbers beside missing": ("7;NA;9\n1;2;3\n", FILL, r"row 1: .*\(7, NA, 9\).*params.table.header"),
    "points beside a blank": ("1.5;;3.5\n1;2;3\n", {}, "row 1: .*params.table.header"),
    "a line of sums": (
        "d;a\n2026-01-01;1\n2026-01-02;2\nTotal;3\n",
        None,
        "row 4, column 1 .*'Total'.*time_column",
    ),
    "a late blank time": (f"d;a\n{DATES};4\n", {}, r"row 302, column 1 \('d'\): .*a blank cell.*time_column"),
    "a late other order": (
        "d;a\n" + "13/02/2026;1\n" * 300 + "02/14/2026;2\n",
        {},
        "row 302, column 1 .*time_column",
    ),
    "a dropped row, an odd time": (
        "d;a\n2026-01-01;\nx;1\n2026-01-02;2\n",
        {"missing": "drop", "columns": ["a"]},
        "'x'",
    ),
    "a title": (
        "Means\nYear,Jan\n1880,-.18\n1881,-.2\n",
        {},
        "row 1: .*begin in row 3: leave out the rows above",
    ),
    "three rows above": ('"T","R"\n"TS","RN"\n"","Avg"\n1,2\n3,4\n', {}, "row 1: .*begin in row 4"),
    "nothing in a column": (
        "a;;b\n1;;2\n",
        {},
        r"row 1, column 2 .*blank column.*params.table.skip: \[\"\"\]",
    ),
    "no column without a name": ("a;b\n1;2\n", {"skip": [""]}, "params.table.skip names ''"),
    "an open quote": ('a;s\n1;"x\n2;y"\n', {"columns": ["a"]}, "row 2, column 2 .*end of a quoted text"),
    "a typographic minus": ("a;b\n1;\u22121.5\n2;3\n", {}, "row 2, column 2 .*write the minus as -"),
    "Fortran's exponent": ("a;b\n1;2\n1.5D+03;3\n", {}, "row 3, column 1 .*write the exponent with e"),
    "a currency": ("a;b\n1;$1.5\n2;$2.5\n", {}, r"row 2, .*the number alone, .*table.skip"),
    "a unit": ("a;b\n1;2\n1;1.5 V\n", {}, "row 3, column 2 .*the number alone, without a unit"),
    "an error of a spreadsheet": (
        "a;b\n1;2\n#DIV/0!;3\n",
        FILL,
        "row 3, .*leave the cell blank: params.table.miss",
    ),
    "times of another form": (
        "t;a\n1. Januar 2026;1\n",
        {},
        "row 2, column 1 .*params.table.time_column.*skip",
    ),
    "apostrophes of typography": ("a;b\n1\u2019234.5;2\n", {}, "row 2, column 1 .*thousands"),
    "another separator than sep=": ("sep=;\na,b\n1,2\n", {}, "row 2: .*params.table.separator"),
    "names without a header": ("a;b\n1;2\n", {"header": False}, r"row 1: .*\(a, b\); params.table.header"),
    "a bad cell without a header": ("5 6\n7 x\n", {}, "row 2, column 2 .*'x'"),
    "row names of R": ('"x" "y"\n"1" 5.1 3\n"2" 4 3\n', {}, "row 1: .*2 names above 3 columns"),
    "a time that is left out": ("t;a\n1;2\n", {"time_column": "t", "skip": ["t"]}, "time_column and .*skip"),
    "all left out": ("a;b\n1;2\n", {"skip": ["a", "b"]}, "none that params.table.skip leaves"),
    "signals in rows": ("s,1,2\nx,3,4\ny,5,6\n", {}, "row 2, column 1 .*transpose the table"),
    "a comment between samples": (
        "a;b\n1;2\n# stop\n",
        {},
        "row 3, .*comments may stand above the header alone",
    ),
    "a comment of another mark": ("% by A\n1;2\n3;4\n", {}, "row 2, .*if row 1 is a title or a comment"),
    "a tab above units": ("a;b\n\t\nm;s\n1;2\n", {}, "row 2"),
    "missing cells above units": ("a;b\n;\nm;s\n1;2\n", FILL, "row 3"),
    "a broken day is no unit": ("d;a\n26-01-01;\n2026-01-02;2\n", FILL, "row 2, column 1 .*'26-01-01'"),
    "a broken time is no unit": ("d;a\n1:60:7;\n01:00:02;2\n", FILL, "row 2, column 1 .*'1:60:7'"),
    "an ambiguous day among others": (
        "d;a\n2026-01-02;1\n05.01.2026;2\n",
        {},
        "row 3, column 1 .*'05.01.2026'",
    ),
    "NetCDF": (b"CDF\x01\0\0", {}, "a NetCDF file; export"),
    "WAV": (b"RIFF$\0\0\0WAVEfmt ", {}, "a sound or video file"),
    "tar": (b"x.csv" + bytes(252) + b"ustar", {}, "a tar archive; unpack it"),
    "XML without a first line": (b"<Error><Code>AccessDenied</Code>", {}, "an XML document"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", {}, "a pointer of Git LFS"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_way(tmp_path: Path, case: str) -> None:
    text, options, message = REFUSED[case]
    with pytest.raises(BadInputError, match=message):
        read_text(tmp_path, text, options)


def times_of(folder: Path, *cells: str) -> Understood:
    return read_text(folder, "t;a\n" + "".join(f"{cell};{i % 2}\n" for i, cell in enumerate(cells)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("20260101T000000Z", "20260101T000001Z"),
        ("2026-01-01T05", "2026-01-01T06"),
        ("2026-01-01T23:00", "2026-01-01T24:00"),
        ("2026-W01", "2026-W02"),
        ("01JAN2026:00:00:00", "01JAN2026:00:00:01"),
        ("05/Jan/2026:00:00:00 +0000", "05/Jan/2026:00:00:01 +0000"),
        ("Mon, 05 Jan 2026 00:00:00 GMT", "Tue, 06 Jan 2026 00:00:00 GMT"),
        ("Mon Jan  5 00:00:00 2026", "Mon Jan  5 00:00:01 2026"),
    ],
)
def test_times_of_many_forms_are_times(tmp_path: Path, first: str, second: str) -> None:
    table = times_of(tmp_path, first, second)
    assert (table.names, table.times) == (["a"], [first, second])


@pytest.mark.parametrize("odd", ["2026-02-30", "now", "2026-366", "2026-W54", "24:01", "2026-01-01T24:00:01"])
def test_texts_that_are_no_times_are_refused(tmp_path: Path, odd: str) -> None:
    with pytest.raises(BadInputError, match="params.table.time_column"):
        times_of(tmp_path, odd, odd)


def test_a_day_without_a_price_is_no_header(tmp_path: Path) -> None:
    text = "day,rate\n2026-01-01,.\n2026-01-02,4\n2026-01-05,5\n"
    table = read_text(tmp_path, text, {"missing": "interpolate"}, "asset_pairs")
    assert (table.names, table.columns) == (["rate"], [[4, 4, 5]])
    with pytest.raises(BadInputError, match="row 2, column 2 .*params.table.missing"):
        read_text(tmp_path, text, None, "asset_pairs")


def test_prices_may_have_a_row_of_units(tmp_path: Path) -> None:
    table = read_text(tmp_path, "Date,Close\n,USD\n2026-01-02,1\n2026-01-05,2\n", {}, "asset_pairs")
    assert (table.names, table.columns) == (["Close"], [[1, 2]])


def test_numbers_are_no_days_of_prices(tmp_path: Path) -> None:
    text, options = "day,close\n20260102,1\n20260105,2\n", {"time_column": "day"}
    with pytest.raises(BadInputError, match="column 'day': '20260105' is no time; write dates as YYYY-MM-DD"):
        read_text(tmp_path, text, options, "asset_pairs")
