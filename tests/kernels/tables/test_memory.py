"""Memory of a job with a large table, above that of a job with a tiny one."""

import gzip
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.kernels.job_folder import JobFolder

WAITING = 24 << 20  # bytes of text, with several threads, that are formatted before they are written


def write_table(path: Path, samples: int, signals: int) -> None:
    draw = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(";".join(f"s{i}" for i in range(signals)) + "\n")
        for _ in range(samples):
            file.write(";".join(map(repr, draw.standard_normal(signals).tolist())) + "\n")


def write_pairs(path: Path, days: int, assets: int) -> None:
    prices = 100 + np.random.default_rng(0).random((days, assets))
    first = date(2000, 1, 1)
    with path.open("w") as file:
        for row in ((f"a{i}" for i in range(assets)), ["Date"] * assets, ["ISO"] * assets):
            print(*(f"{cell},x" for cell in row), sep=",", file=file)
        for day in range(days):
            told = first + timedelta(day)
            print(*(f"{told},{price!r}" for price in prices[day].tolist()), sep=",", file=file)


def peak(jobs: JobFolder, source: Path, service: str, **changes: Any) -> int:
    assert jobs.run(source, {service: {}}, profile=None, **changes) == [0]
    used: int = json.loads((jobs.output / "usage.json").read_text())[0]["peak_rss_bytes"]
    return used


@pytest.mark.parametrize(("samples", "signals"), [(40_000, 50), (20, 100_000), (5, 1_000_000)])
def test_a_table_takes_at_most_1_6_times_its_bytes(jobs: JobFolder, samples: int, signals: int) -> None:
    idle = peak(jobs, jobs.input("a;b\n" + "1;2\n" * 9, "tiny.csv"), "min_max")
    write_table(jobs.root / "x.csv", samples, signals)
    size = (jobs.root / "x.csv").stat().st_size
    for threads in (1, 2):
        used = peak(jobs, jobs.root / "x.csv", "min_max", threads=threads)
        assert used - idle < 1.6 * size + WAITING * (threads - 1), threads


def test_a_packed_table_is_not_held_as_text_where_memory_is_short(
    jobs: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", str(16 << 20))
    idle = peak(jobs, jobs.input(gzip.compress(b"a;b\n" + b"1;2\n" * 9), "tiny.csv.gz"), "min_max")
    write_table(jobs.root / "x.csv", 40_000, 50)
    text = (jobs.root / "x.csv").read_bytes()
    packed = jobs.input(gzip.compress(text, 1), "x.csv.gz")
    # parts of the rows and of the signals, and pages of the files that they wait in
    assert peak(jobs, packed, "min_max") - idle < 0.9 * len(text)


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.npy", "x.parquet"])
@pytest.mark.parametrize("scenario", [1, 4])
def test_all_signals_in_a_file_where_memory_is_short(
    jobs: JobFolder, monkeypatch: pytest.MonkeyPatch, name: str, ranks: int, scenario: int
) -> None:
    values = np.random.default_rng(0).standard_normal((40, 11))
    names = [f"s{i}" if name.startswith("x.csv") else f"signal_{i}" for i in range(11)]
    frame = pl.from_numpy(values, schema=names)
    text = frame.write_csv(separator=";").encode()
    frame.write_parquet(jobs.root / "x.parquet")
    np.save(jobs.root / "x.npy", values)
    jobs.input(text, "x.csv")
    jobs.input(gzip.compress(text), "x.csv.gz")
    (jobs.root / "queries").mkdir()
    (jobs.root / "queries" / "q.csv").write_text("q\n" + "0.5\n" * 40)
    jobs.input("timeseries;labels\n" + "".join(f"{name};{i % 2}\n" for i, name in enumerate(names)), "l.csv")
    places = {"inference_dir": str(jobs.root / "queries"), "labels": str(jobs.root / "l.csv")}

    def results(ranks: int) -> list[bytes]:
        found = []
        for service, options in (("kmean", {"metric": "euclidean", "cluster_number": 3}), ("knn", {})):
            asked: dict[str, Any] = {service: options}
            codes = jobs.run(jobs.root / name, asked, ranks, precision_scenario=scenario, **places)
            assert set(codes) == {0}, jobs.stderr
            found += [path.read_bytes() for path in sorted(jobs.output.rglob("*.csv"))]
            assert not (jobs.output / ".parts").exists()
        return found

    plenty = results(1)
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", "6000")  # two blocks or more of each file
    assert results(ranks) == plenty


def test_clusters_of_a_table_that_does_not_fit_into_memory(
    jobs: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", str(32 << 20))
    table = jobs.root / "x.npy"
    np.save(table, np.random.default_rng(0).standard_normal((20_000, 2_000)))  # 320 MB
    services: dict[str, Any] = {"kmean": {"metric": "euclidean", "cluster_number": 4, "max_iterations": 2}}
    limited = [which("prlimit") or "", f"--data={250 << 20}", sys.executable, "-m", "hpc_kernels", "run"]
    command = [*limited, str(jobs.job_file(table, services))]
    subprocess.run(command, check=True, stdout=subprocess.PIPE)
    monkeypatch.delenv("HPC_KERNELS_MEMORY_BYTES")  # the limit of the process counts as well
    subprocess.run(command, check=True, stdout=subprocess.PIPE)


@pytest.mark.parametrize("service", ["black_scholes", "kalman"])
def test_asset_pairs_take_at_most_1_6_times_their_bytes(jobs: JobFolder, service: str) -> None:
    write_pairs(jobs.root / "tiny.csv", 9, 2)
    write_pairs(jobs.root / "x.csv", 2000, 500)
    idle, used = (
        peak(jobs, jobs.root / name, service, layout="asset_pairs") for name in ("tiny.csv", "x.csv")
    )
    assert used - idle < 1.6 * (jobs.root / "x.csv").stat().st_size
