"""Memory of a job whose table is large, above what it takes with a tiny one."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.job_folder import JobFolder


def write_table(path: Path, samples: int, signals: int) -> None:
    draw = np.random.default_rng(0)
    with path.open("w") as file:
        print(*(f"s{i}" for i in range(signals)), sep=";", file=file)
        for _ in range(samples):
            print(*draw.standard_normal(signals).tolist(), sep=";", file=file)


def peak(jobs: JobFolder, source: Path, service: str, threads: int) -> int:
    assert jobs.run(source, {service: {}}, threads=threads, profile=None) == [0]
    used: int = json.loads((jobs.output / "usage.json").read_text())[0]["peak_rss_bytes"]
    return used


@pytest.mark.parametrize(("samples", "signals"), [(40_000, 50), (20, 100_000)])
def test_a_table_takes_at_most_1_6_times_its_bytes(jobs: JobFolder, samples: int, signals: int) -> None:
    idle = peak(jobs, jobs.input("a;b\n" + "1;2\n" * 9, "tiny.csv"), "min_max", 1)
    write_table(jobs.root / "x.csv", samples, signals)
    size = (jobs.root / "x.csv").stat().st_size
    assert peak(jobs, jobs.root / "x.csv", "min_max", 1) - idle < 1.6 * size
