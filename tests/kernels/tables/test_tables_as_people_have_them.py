"""Tables as people have them: one small table for each form that is understood, with its numbers by hand."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.kernels.tables.reading import read_table, read_text

A, B = [1.0, 3.0], [2.0, 4.0]
NEEDED_NO_OPTION: dict[str, tuple[str | bytes, list[str], list[list[float]], str]] = {
    "decimal comma": ("a;b\n1,5;2\n3;4,25\n", ["a", "b"], [[1.5, 3], [2, 4.25]], "decimal comma"),
    "decimal comma, one column": ("a\n1,5\n-2,5e1\n", ["a"], [[1.5, -25]], "decimal comma"),
    "decimal comma in front": ("a;b\n1;,5\n", ["a", "b"], [[1], [0.5]], "decimal comma"),
    "decimal comma, four digits": ("a\n1,2345\n1,234\n", ["a"], [[1.2345, 1.234]], "decimal comma"),
    "vertical bars": ("a|b\n1|2\n3|4\n", ["a", "b"], [A, B], "between '|'"),
    "blanks": ("a  b\n1 2\n  3\t 4  \n", ["a", "b"], [A, B], "runs of blanks"),
    "blanks and CRLF": ("a b\r\n1 2\r\n3 4 \r\n", ["a", "b"], [A, B], "runs of blanks"),
    "blanks, no header": ("1.5 2\n3 4\n", ["1", "2"], [[1.5, 3], B], "read as a sample"),
    "comments": ("# made by X\n# at 4;5\na;b\n1;2\n3;4\n", ["a", "b"], [A, B], "2 lines of comments"),
    "comment and blanks": ("\n#x\n\na;b\n1;2\n3;4\n\n \n", ["a", "b"], [A, B], "1 lines of comments"),
    "sep line": ("sep=|\na|b\n1|2\n3|4\n", ["a", "b"], [A, B], ""),
    "sep line of Excel": ("sep=;\r\na;b\r\n1;2\r\n3;4\r\n", ["a", "b"], [A, B], ""),
    "sep line with a tab": ("sep=\t\r\na\tb\r\n1\t2\r\n3\t4\r\n", ["a", "b"], [A, B], ""),
    "leading blank lines": ("\n\r\na;b\n1;2\n3;4\n", ["a", "b"], [A, B], ""),
    "carriage returns": ("a;b\r1;2\r3;4\r", ["a", "b"], [A, B], ""),
    "UTF-16": ("a;b\n1;2\n3;4\n".encode("utf-16"), ["a", "b"], [A, B], ""),
    "UTF-16, big end first": (b"\xfe\xff" + "é;b\n1;2\n3;4\n".encode("utf-16-be"), ["é", "b"], [A, B], ""),
    "gzip without a name": (gzip.compress(b"a;b\n1;2\n3;4\n"), ["a", "b"], [A, B], ""),
    "gzip of UTF-16": (gzip.compress("a;b\n1;2\n3;4\n".encode("utf-16")), ["a", "b"], [A, B], ""),
    "units": ("a;b\nmV;°C\n1;2\n3;4\n", ["a", "b"], [A, B], "read as units"),
    "one unit of two": ("a;b\ns;\n1;2\n3;4\n", ["a", "b"], [A, B], "read as units"),
    "a point in the first row": ("1.5;2\n3;4\n", ["1", "2"], [[1.5, 3], B], "read as a sample"),
    "an exponent in the first row": ("1;2e0\n3;4\n", ["1", "2"], [A, B], "read as a sample"),
    "one column, no header": ("1.5\n2\n", ["1"], [[1.5, 2]], "read as a sample"),
}


@pytest.mark.parametrize("options", [None, {}])
@pytest.mark.parametrize("case", NEEDED_NO_OPTION)
def test_understood_without_an_option(tmp_path: Path, case: str, options: dict[str, Any] | None) -> None:
    text, names, columns, told = NEEDED_NO_OPTION[case]
    table = read_text(tmp_path, text, options)
    assert (table.names, table.columns) == (names, columns)
    assert told in table.warnings


HEADERS: dict[str, tuple[str, dict[str, Any] | None, list[str], list[list[float]], str]] = {
    "old numbers": ("1001;1002\n3;4\n", None, ["1001", "1002"], [[3], [4]], "read as names"),
    "old single number": ("17\n1\n2\n", None, ["17"], [[1, 2]], "read as names"),
    "numbers": ("1001;1002\n3;4\n", {}, ["1", "2"], [[1001, 3], [1002, 4]], "read as a sample"),
    "single number": ("17\n1\n2\n", {}, ["1"], [[17, 1, 2]], "read as a sample"),
    "counts from 1": ("1;2\n3;4\n", {}, ["1", "2"], [[3], [4]], ""),
    "counts from 0": ("0,1,2\n3,4,5\n", {}, ["0", "1", "2"], [[3], [4], [5]], ""),
    "counts, one column": ("1\n5\n", {}, ["1"], [[1, 5]], "read as a sample"),
    "told to be names": ("1.5;2\n3;4\n", {"header": True}, ["1.5", "2"], [[3], [4]], ""),
    "told to be a sample": ("1;2\n3;4\n", {"header": False}, ["1", "2"], [A, B], ""),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_numbers(tmp_path: Path, case: str) -> None:
    text, options, names, columns, told = HEADERS[case]
    table = read_text(tmp_path, text, options)
    assert (table.names, table.columns) == (names, columns)
    assert told in table.warnings
    assert not ("read as a sample" in table.warnings and "read as names" in table.warnings)


def test_an_index_is_left_out_where_table_is_given(tmp_path: Path) -> None:
    text = ",a,b\n0,1,2\n1,3,4\n"
    table = read_text(tmp_path, text, {})
    assert (table.names, table.columns) == (["a", "b"], [A, B])
    assert "counts the rows; it is left out" in table.warnings
    before = read_text(tmp_path, text)
    assert (before.names, before.columns) == (["", "a", "b"], [[0, 1], A, B])
    assert "has no name and counts the rows" in before.warnings


def test_a_separator_and_a_decimal_mark_of_choice(tmp_path: Path) -> None:
    assert read_text(tmp_path, "a;b,c\n1;2\n", {"separator": ";"}).names == ["a", "b,c"]
    assert read_text(tmp_path, "a\tb\n1\t2\n", {"separator": "tab"}).columns == [[1], [2]]
    assert read_text(tmp_path, "a;b\n1;1,234\n", {"decimal": ","}).columns == [[1], [1.234]]


def test_columns_and_skip(tmp_path: Path) -> None:
    text = "a;b;c;d\n1;x;3;4\n5;y;7;8\n"
    assert read_text(tmp_path, text, {"columns": ["d", "a"]}).columns == [[4, 8], [1, 5]]
    table = read_text(tmp_path, text, {"skip": ["b", "c"]})
    assert (table.names, table.columns) == (["a", "d"], [[1, 5], [4, 8]])
    quoted = read_text(tmp_path, 'a,s,b\n1,"x,y",2\n3,"z",4\n', {"skip": ["s"]})
    assert quoted.columns == [A, B]


HOLES = "a;b\n;2\n1;NA\n3;6\n;null\n"


@pytest.mark.parametrize(
    ("how", "columns", "counts"),
    [
        ("interpolate", [[1, 1, 3, 3], [2, 4, 6, 6]], {"filled": 4, "dropped": 0}),
        ("previous", [[1, 1, 3, 3], [2, 2, 6, 6]], {"filled": 4, "dropped": 0}),
        ("drop", [[3], [6]], {"filled": 0, "dropped": 3}),
    ],
)
def test_missing_cells(tmp_path: Path, how: str, columns: list[list[float]], counts: dict[str, int]) -> None:
    table = read_text(tmp_path, HOLES, {"missing": how})
    assert (table.columns, table.counts) == (columns, counts)


@pytest.mark.parametrize(
    "word", ["", "  ", "NaN", "nan", "NA", "n/a", "#N/A", "NULL", "None", "-", "--", ".", "?", '""']
)
def test_words_for_a_missing_number(tmp_path: Path, word: str) -> None:
    assert read_text(tmp_path, f"a;b\n1;2\n{word};4\n", {"missing": "previous"}).columns == [[1, 1], [2, 4]]


TIMES = {
    "dates": ("2026-01-01", "2026-01-02"),
    "times": ("2026-01-01T00:00:00.250Z", "2026-01-01 00:00:00.500Z"),
    "zone": ("2026-01-01 00:00+01:00", "2026-01-01 01:00+0100"),
    "year first": ("2026/1/1 00:00", "2026/1/1 01:00"),
    "months": ("2026-01", "2026-02"),
    "quarters": ("1974Q1", "1974Q2"),
    "names of months": ("Jan 1 2000", "Feb 1 2000"),
    "names of months, with commas": ('"Jan 1, 2000"', '"Feb 1, 2000"'),
    "day first, as one shows": ("03/04/2026", "31/04/2026".replace("31", "30")),
    "clock": ("23:59:58", "23:59:59"),
    "half days": ("11:30 AM", "12:30 PM"),
}


@pytest.mark.parametrize("case", TIMES)
def test_times_are_no_signals_and_come_back(tmp_path: Path, case: str) -> None:
    first, then = TIMES[case]
    table = read_text(tmp_path, f"when,a\n{first},1\n{then},3\n")
    assert (table.names, table.columns, table.times) == (["a"], [A], [first, then])
    assert "column 'when' is read as the time" in table.warnings


def test_a_time_column_by_name(tmp_path: Path) -> None:
    table = read_text(tmp_path, "a,s\n1,0.1\n3,0.2\n", {"time_column": "s"})
    assert (table.columns, table.times) == ([A], ["0.1", "0.2"])
    text = "s,a\n2026-01-01,1\n"
    assert read_text(tmp_path, text, {"skip": ["s"]}).times == []


@pytest.mark.parametrize("name", ["YEAR", "time", "Timestamp (ms)", "date"])
def test_a_signal_that_is_called_like_a_time_is_told(tmp_path: Path, name: str) -> None:
    table = read_text(tmp_path, f"{name};a\n7;1\n1;3\n")
    assert table.names == [name, "a"]
    assert "although it is called like a time" in table.warnings
    assert "rises evenly" in read_text(tmp_path, "q;a\n7;1\n8;3\n9;4\n").warnings


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_rows_by_threads(tmp_path: Path, threads: int) -> None:
    rows = [f"2026-01-01 00:{i // 60:02}:{i % 60:02};{i},5;x{i};{i if i % 7 else ''}" for i in range(3000)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["t;a;s;b", *rows]))
    table = read_table(path, {"skip": ["s"], "missing": "previous"}, threads=threads)
    assert table.columns[0] == [i + 0.5 for i in range(3000)]
    assert table.columns[1] == [1 if i == 0 else i if i % 7 else i - 1 for i in range(3000)]
    assert table.times == [row.partition(";")[0] for row in rows]
