"""The judgement of a staged table: how the kernels understand it, and the problems of a job with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from hpc_gateway_client.models import Model

KMEAN = "kmean"
# Options of `params.table` that decide how a table is read.
_DECIDING = ("header", "separator", "decimal", "time_column", "columns", "skip", "missing")
_DEFAULTS: tuple[Any, ...] = (None, "", "auto", "error", [])
_MARKS = {"\t": "tab", " ": "blanks"}
_SHOWN = 5


class TableJudgement(Model):
    """A staged table: `state` is judging, known or unknown; null is not known."""

    state: str
    reason: str = ""
    whole: bool = False
    format: str | None = None
    packed: str | None = None
    layout: str = "sensor_table"
    separator: str | None = None
    decimal: str | None = None
    header: bool | None = None
    time_column: str | None = None
    rate: float | None = None
    units: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    signals_total: int = 0
    samples: int | None = None
    missing: int | None = None
    problem: str | None = None
    helps: str | None = None
    warnings: tuple[str, ...] = ()

    def problem_of_job(self, services: Sequence[str], params: Mapping[str, Any]) -> str:
        """Return the problem with which a job would fail, blank where it may succeed.

        Options of the job that decide about the reading leave the judgement without a word about it.
        """
        table = params.get("table") or {}
        if any(table.get(option) not in _DEFAULTS for option in _DECIDING):
            return ""
        if self.layout == "asset_pairs" and params.get("inbestme_kernel"):
            return ""
        return self.problem or self._lack_of_signals(services, params)

    def _lack_of_signals(self, services: Sequence[str], params: Mapping[str, Any]) -> str:
        wanted = (params.get(KMEAN) or {}).get("cluster_number", 1)
        if KMEAN not in services or not self.samples or not isinstance(wanted, int):
            return ""
        if wanted <= self.signals_total:
            return ""
        return (
            f"kmean needs at least {wanted} signals for {wanted} clusters; the table has {self.signals_total}"
        )

    def sentences(self) -> list[str]:
        """Return the judgement as sentences for people."""
        if self.state != "known":
            return [f"the table is not judged: {self.reason or 'there is no answer yet'}"]
        if self.samples is None:
            return list(self.warnings)
        return [", ".join(filter(None, (self._size(), self._marks(), self._time()))), *self.warnings]

    def _size(self) -> str:
        more = ", ..." if self.signals_total > _SHOWN else ""
        names = ", ".join(self.signals[:_SHOWN])
        rows = f"{self.samples:,} samples" if self.whole else f"more than {self.samples:,} samples"
        missing = f", {self.missing:,} cells missing" if self.missing else ""
        return f"{self.signals_total:,} signals ({names}{more}) of {rows}{missing}"

    def _marks(self) -> str:
        if self.separator is None:
            return self.format or ""
        mark = _MARKS.get(self.separator, self.separator)
        header = "" if self.header else ", no header"
        return f"{self.packed or self.format}, separator {mark!r}, decimal {self.decimal!r}{header}"

    def _time(self) -> str:
        if self.time_column is None:
            return ""
        rate = f" ({self.rate:g} Hz)" if self.rate else ""
        return f"time {self.time_column}{rate}"
