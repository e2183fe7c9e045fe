"""Public tables as their owners have them, and a careful reading of each by Polars."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

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


def read_carefully(name: str) -> tuple[list[str], NDArray[np.float64], list[str]]:
    """Return names and samples (signals, samples) of the signals, and the times."""
    options, signals, time = UNDERSTOOD[name]
    frame = pl.read_csv(PUBLIC / f"{name}.csv", infer_schema=False)
    left_out = {time, "", *options.get("skip", ())}
    wanted = signals or [column for column in frame.columns if column not in left_out]
    cells = frame.select(pl.col(wanted).str.strip_chars().cast(pl.Float64))
    if options.get("missing") == "interpolate":
        cells = cells.interpolate()
    cells = cells.fill_null(strategy="forward")
    return wanted, cells.to_numpy().T, frame[time].to_list() if time else []
