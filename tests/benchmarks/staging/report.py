"""Medians of the figures of `run`, as the tables of docs/staging.md: `report FIGURES`."""

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.benchmarks.staging.clients import ENGINES, PROGRAMS

_COLUMNS = ("seconds", "cpu_s", "memory_mib")


def main(figures: str) -> None:
    """Print a table: a row for each task, a column for each client, with the number of rounds."""
    cells: dict[tuple[str, str, str], dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for line in Path(figures).read_text().splitlines():
        row = json.loads(line)
        cells[row["what"], row["direction"], row["store"]][row["client"]].append(row)
    clients = [name for name in (*ENGINES, *PROGRAMS) if any(name in row for row in cells.values())]
    print("| | rounds |", " | ".join(clients), "|")
    print("|---" * (2 + len(clients)) + "|")
    for task, row in sorted(cells.items()):
        rounds = sorted({len(measured) for measured in row.values()})
        told = (_cell(row[name]) if name in row else "" for name in clients)
        print("|", ", ".join(task), "|", "-".join(map(str, rounds)), "|", " | ".join(told), "|")


def _cell(rows: list[Any]) -> str:
    seconds, cpu, memory = (statistics.median(row[name] for row in rows) for name in _COLUMNS)
    return f"{seconds:.1f} / {cpu:.1f} / {memory:.0f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
