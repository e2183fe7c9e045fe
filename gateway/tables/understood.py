"""A table as the kernels understand it: their document, read as hostile input, and the problems of jobs."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

MOST_NAMES, MOST_WARNINGS, _LONGEST = 1000, 50, 500
_PROBLEM = 4000
_Text = Annotated[str, Field(max_length=_LONGEST)]
# Options of `params.table` that decide how a table is read.
_DECIDING = ("header", "separator", "decimal", "time_column", "columns", "skip", "missing")
_DEFAULTS: tuple[Any, ...] = (None, "", "auto", "error", [])


class Understood(BaseModel):
    """A staged table as a job with `params.table` would read it; null is not known."""

    whole: bool = Field(default=False, description="False while only the first 64 MiB are judged.")
    format: Literal["csv", "npy", "parquet"] | None = None
    packed: Literal["gzip", "utf-16"] | None = None
    layout: Literal["sensor_table", "asset_pairs"] = "sensor_table"
    separator: _Text | None = None
    decimal: _Text | None = None
    header: bool | None = Field(None, description="Whether the first row holds names.")
    time_column: _Text | None = None
    rate: float | None = Field(
        None, allow_inf_nan=False, description="Samples a second of equidistant times."
    )
    units: list[_Text] = Field(default=[], max_length=MOST_NAMES)
    signals: list[_Text] = Field(default=[], max_length=MOST_NAMES, description="The first 1,000 names.")
    signals_total: int = Field(0, ge=0)
    samples: int | None = Field(None, ge=0)
    missing: int | None = Field(None, ge=0, description="Missing cells.")
    problem: str | None = Field(
        None, max_length=_PROBLEM, description="The first problem of a job, in the kernels' words."
    )
    helps: Literal["missing"] | None = Field(
        None, description="Option of `params.table` with which that problem is none."
    )
    warnings: list[_Text] = Field(default=[], max_length=MOST_WARNINGS)


def problem_of_job(understood: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """Return the problem with which a job of these parameters would fail, blank where it may succeed.

    Options of the job that decide about the reading leave the judgement without a word about it.
    """
    problem = str(understood.get("problem") or "")
    table = params.get("table") or {}
    is_decided = any(table.get(option) not in _DEFAULTS for option in _DECIDING)
    is_pairs = understood.get("layout") == "asset_pairs" and bool(params.get("inbestme_kernel"))
    return "" if is_decided or is_pairs else problem
