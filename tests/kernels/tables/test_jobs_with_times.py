"""Jobs on tables with times: the column comes back, fft learns its rate, formats of the result, warnings."""

import json
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from tests.kernels.job_folder import JobFolder

TIMES = [f"2026-01-01T00:00:{i // 4:02}.{25 * (i % 4):02}" for i in range(40)]


def table(times: list[str]) -> str:
    return "\n".join(["when;a;b", *(f"{time};{i % 5},5;{i}" for i, time in enumerate(times))])


def rows_of(jobs: JobFolder, name: str) -> list[list[str]]:
    text = (jobs.output / "CSVFormate" / name).read_text()
    return [line.removesuffix(";").split(";") for line in text.splitlines()]


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_times_come_back_and_give_fft_its_frequencies(jobs: JobFolder, ranks: int) -> None:
    services: dict[str, Any] = {"min_max": {}, "fft": {"spectrum": "half"}}
    assert jobs.run(jobs.input(table(TIMES)), services, ranks, threads=2)[0] == 0, jobs.stderr
    header, *rows = rows_of(jobs, "MinMax_Transform_output.csv")
    assert header == ["when", "a", "b"]
    assert [row[0] for row in rows] == TIMES
    assert [float(row[1]) for row in rows] == [i % 5 / 4 for i in range(40)]
    header, *rows = rows_of(jobs, "FFT_Filter_output.csv")
    assert header == ["frequency", "a", "b"]
    assert [float(row[0]) for row in rows] == pytest.approx([k * 4 / 40 for k in range(21)])


def test_uneven_times_are_told_of(jobs: JobFolder) -> None:
    assert jobs.run(jobs.input(table([*TIMES[:20], *TIMES[22:]])), {"fft": {}}) == [0]
    assert "a step between times differs by 200 % from the median one, 0.25 s" in jobs.stderr
    assert rows_of(jobs, "FFT_Filter_output.csv")[0] == ["a", "b"]


def test_a_blocked_table_has_its_times(jobs: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = jobs.input(table(TIMES))
    assert jobs.run(source, {"kalman": {}}) == [0]
    whole = rows_of(jobs, "Kalman_Filter_output.csv")
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", "800")
    assert jobs.run(source, {"kalman": {}}, 2)[0] == 0, jobs.stderr
    assert rows_of(jobs, "Kalman_Filter_output.csv") == whole


def test_dropped_rows_lose_their_times(jobs: JobFolder) -> None:
    text = "t;a\n2026-01-01;1\n2026-01-02;\n2026-01-03;3\n"
    assert jobs.run(jobs.input(text), {"min_max": {}}, table={"missing": "drop"}) == [0]
    assert rows_of(jobs, "MinMax_Transform_output.csv")[1:] == [["2026-01-01", "0"], ["2026-01-03", "1"]]
    assert "1 rows were dropped, as params.table.missing says" in json.loads(jobs.stdout)["warnings"]


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_columnar_results(jobs: JobFolder, kind: str, ranks: int) -> None:
    text = "t;a;b\n;mV;\n" + "".join(f"{time};{i};{i * i}\n" for i, time in enumerate(TIMES))
    assert jobs.run(jobs.input(text), {"kalman": {}, "fft": {}}, ranks, output_format=kind)[0] == 0, (
        jobs.stderr
    )
    listed = json.loads((jobs.output / "outputs.json").read_text())
    assert [entry["path"].rpartition(".")[2] for entry in listed] == [kind, kind]
    path = jobs.published / "CSVFormate" / f"Kalman_Filter_output.{kind}"
    frame = pl.read_parquet(path) if kind == "parquet" else pl.read_ipc(path)
    assert frame.columns == ["t", "a", "b"]
    assert frame["t"].to_list() == TIMES
    assert jobs.run(jobs.input(text), {"kalman": {}, "fft": {}}) == [0]
    as_text = np.array(
        [[float(cell) for cell in row[1:]] for row in rows_of(jobs, "Kalman_Filter_output.csv")[1:]]
    )
    assert np.array_equal(frame.select("a", "b").to_numpy(), as_text)
    if kind == "parquet":
        schema = pq.read_schema(path)
        assert schema.field("a").metadata[b"unit"] == b"mV"
        assert schema.metadata[b"time_column"] == b"t"


def test_npy_has_no_times(jobs: JobFolder) -> None:
    assert jobs.run(jobs.input(table(TIMES)), {"min_max": {}}, output_format="npy") == [0]
    assert "a .npy file has no column of times" in jobs.stderr
    assert np.load(jobs.output / "CSVFormate" / "MinMax_Transform_output.npy").shape == (40, 2)


@pytest.mark.parametrize(
    ("services", "changes", "message"),
    [
        ({"kmean": {}}, {"output_format": "parquet"}, "output_format must be csv for kmean"),
        (
            {"fft": {}},
            {"output_format": "parquet", "csv_output": False},
            "must be npy where csv_output is false",
        ),
        ({"fft": {}}, {"output_format": "xlsx"}, "output_format must be csv, npy, parquet, arrow"),
        ({"fft": {}}, {"table": {"header": 2}}, "params.table.header must be auto"),
    ],
)
def test_job_files_that_are_refused(
    jobs: JobFolder, services: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    assert jobs.run(jobs.input("a;b\n1;2\n"), services, **changes) == [2]
    assert message in jobs.stderr


def test_undefined_results_are_told_in_double_precision(jobs: JobFolder) -> None:
    options = {
        "call_strike_price": 100.0,
        "put_strike_price": 100.0,
        "risk_free_return": 0.0,
        "volatility": 0,
    }
    assert jobs.run(jobs.input("p;q\n100;90\n100;80\n"), {"black_scholes": options}, 2)[0] == 0
    told = (
        "infinite or not a number although the input is finite, the first in signal 'p', row 6 of the result"
    )
    assert any(told in warning for warning in json.loads(jobs.stdout)["warnings"])


PAIRS = "2026-01-02,1,2026-01-02,5\n2026-01-05,2,2026-01-05,6\n2026-01-06,4,2026-01-06,7\n"
OHLC = "2026-01-02,9,9,9,1,9\n2026-01-05,9,9,9,2,9\n2026-01-06,8,8,8,4,8\n"
PRICES = {
    "one price": ("Date,Close\n2026-01-02,1\n2026-01-05,2\n2026-01-06,4\n", ["Close"]),
    "OHLCV": (f"Date,Open,High,Low,Close,Volume\n{OHLC}", ["Close"]),
    "two assets": ("Date,A,M\n2026-01-02,1,5\n2026-01-05,2,6\n2026-01-06,4,8\n", ["A", "M"]),
    "pairs below one row": (f"A,,B,\n{PAIRS}", ["A", "B"]),
    "pairs below three rows": (f"A,,B,\nd,p,d,p\nx,x,x,x\n{PAIRS}", ["A", "B"]),
    "pairs without a header": (PAIRS, ["1", "2"]),
}


@pytest.mark.parametrize("case", PRICES)
def test_no_price_is_lost(jobs: JobFolder, case: str) -> None:
    text, names = PRICES[case]
    source = jobs.input(text)
    assert jobs.run(source, {"min_max": {}}, layout="asset_pairs") == [0], jobs.stderr
    header, *rows = rows_of(jobs, "MinMax_Transform_output.csv")
    assert header[-len(names) :] == names
    assert [float(row[-len(names)]) for row in rows] == [0.0, pytest.approx(1 / 3), 1.0]
    assert jobs.run(source, {"black_scholes": {"expiry_date": "2027-01-06"}}, layout="asset_pairs") == [0]
    assert len(rows_of(jobs, "BlackScholes_output.csv")) == 13


def rates(jobs: JobFolder, times: list[str], **table_options: Any) -> float:
    """Return the second frequency of a half spectrum times the number of samples."""
    code = jobs.run(jobs.input(table(times)), {"fft": {"spectrum": "half"}}, table=table_options)
    assert code == [0], jobs.stderr
    header, _, row, *_ = rows_of(jobs, "FFT_Filter_output.csv")
    assert header[0] == "frequency"
    return float(row[0]) * len(times)


def test_a_named_column_of_whole_numbers_counts_seconds(jobs: JobFolder) -> None:
    assert rates(jobs, [f"{1_700_000_000 + 2 * i}" for i in range(10)], time_column="when") == pytest.approx(
        0.5
    )
    assert rates(jobs, [f"{1990 + i}" for i in range(10)], time_column="when") == pytest.approx(1)


def test_steps_of_microseconds_are_equidistant(jobs: JobFolder) -> None:
    times = [f"2026-01-01T00:00:00.{10 * i:06}" for i in range(1, 21)]
    assert rates(jobs, times) == pytest.approx(1e5)
    days_first = [f"13.02.2026 00:00:00.{10 * i:06}" for i in range(1, 21)]
    assert rates(jobs, days_first) == pytest.approx(1e5)


def test_falling_times_are_told_of(jobs: JobFolder) -> None:
    assert jobs.run(jobs.input(table(TIMES[::-1])), {"fft": {}}) == [0]
    assert "the times do not rise; samples are taken as equidistant" in jobs.stderr
