"""Public tables as their owners have them, against a careful reading of the same file by Polars."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hpc_kernels.errors import BadInputError
from tests.kernels.tables.reading import read_table

PUBLIC = Path(__file__).parents[1] / "data" / "public"


# options, the columns that are signals by a careful reading (None: all), and the time column
UNDERSTOOD: dict[str, tuple[dict[str, Any], list[str] | None, str]] = {
    "co2": ({"time_column": "date", "missing": "interpolate"}, ["co2"], "date"),
    "sunspots": ({"time_column": "YEAR"}, ["SUNACTIVITY"], "YEAR"),
    "elnino": ({"skip": ["YEAR"]}, None, ""),
    "elec_equip": ({}, ["STS.M.I7.W.TOVT.NS0016.4.000"], "DATE"),
    "danish_data": ({}, None, "period"),
    "macrodata": ({"columns": ["realgdp", "cpi"]}, ["realgdp", "cpi"], ""),
    "strikes": ({}, None, ""),
    "glucose": ({"time_column": "datetime"}, ["isig", "glucose"], "datetime"),
    "sea_surface_temperature": ({}, ["temperature (celsius)"], "time (UTC)"),
    "cycling": ({"time_column": "time"}, None, "time"),
    "marriages": ({"time_column": "Year", "missing": "previous"}, None, "Year"),
    "unemployment": ({"time_column": "Year"}, None, "Year"),
    "degrees": ({}, None, ""),
    "prices_of_six": ({}, None, "date"),
    "seattle_temps": ({}, ["temp"], "date"),
    "sf_temps": ({"time_column": "date"}, ["temp"], "date"),
    "seattle_weather": ({"skip": ["weather"]}, ["precipitation", "temp_max", "temp_min", "wind"], "date"),
    "us_employment": ({}, None, "month"),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_read_as_polars_reads_it(name: str) -> None:
    options, signals, time = UNDERSTOOD[name]
    frame = pl.read_csv(PUBLIC / f"{name}.csv", infer_schema=False)
    left_out = {time, "", *options.get("skip", ())}
    wanted = signals or [column for column in frame.columns if column not in left_out]
    cells = frame.select(pl.col(wanted).str.strip_chars().cast(pl.Float64))
    if options.get("missing") == "interpolate":
        cells = cells.interpolate()
    cells = cells.fill_null(strategy="forward")
    table = read_table(PUBLIC / f"{name}.csv", options)
    assert table.names == wanted
    assert np.allclose(table.columns, cells.to_numpy().T, rtol=1e-15, atol=0)
    assert table.times == (frame[time].to_list() if time else [])


def test_a_table_between_blanks_without_a_header() -> None:
    table = read_table(PUBLIC / "e6_jmulti.csv", {})
    expected = np.array([line.split() for line in (PUBLIC / "e6_jmulti.csv").read_text().splitlines()], float)
    assert table.names == ["1", "2"]
    assert np.array_equal(table.columns, expected.T)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stocks_long", r"the table is long.*pivot\(index='Date', columns='Ticker'"),
        ("co2", "row 8, column 2 .*params.table.missing"),
        ("sf_temps", "column 2 .*params.table.time_column"),
        ("seattle_weather", "column 6 .*weather"),
    ],
)
def test_refused_with_the_option_that_helps(name: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_table(PUBLIC / f"{name}.csv")


def test_prices_of_six_assets() -> None:
    table = read_table(PUBLIC / "prices_of_six.csv", None, "asset_pairs")
    assert table.names == ["GOOG", "AAPL", "AMZN", "FB", "NFLX", "MSFT"]
    assert [prices[0] for prices in table.columns] == [1.0] * 6
    assert table.last_dates == ["2019-02-18"] * 6
