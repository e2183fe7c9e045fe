"""A table in a file, read with options as a job reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpc_kernels.jobs.options import resolve_table
from hpc_kernels.tables.input import TableInput
from hpc_kernels.tables.reading_options import ReadingOptions


@dataclass(frozen=True)
class Understood:
    """What the reader has understood."""

    names: list[str]
    columns: list[list[float]]
    warnings: str
    times: list[str]
    last_dates: list[str] | None
    units: list[str]
    counts: dict[str, int]


def read_table(
    path: Path, options: dict[str, Any] | None = None, layout: str = "sensor_table", threads: int = 1
) -> Understood:
    source = TableInput(path, layout, threads=threads, options=ReadingOptions.of(resolve_table(options)))
    table = source.read(range)
    samples = table.signals.shape[1]
    lines = b"".join(table.times.blocks(0, [samples])) if table.times else b""
    return Understood(
        list(table.names),
        table.signals.tolist(),
        "\n".join(source.warnings),
        lines.decode().splitlines(),
        table.last_dates,
        list(table.units),
        source.counts,
    )


def read_text(
    folder: Path, text: str | bytes, options: dict[str, Any] | None = None, layout: str = "sensor_table"
) -> Understood:
    path = folder / "x.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path, options, layout)
