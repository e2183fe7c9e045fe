"""Whole jobs as processes: the results on disk, ranks and threads, publication, failure."""

import gzip
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from hpc_kernels import fft, kalman, min_max
from tests.kernels.job_folder import JobFolder

Read = Callable[[Path], tuple[list[str], NDArray[np.float64]]]
FFT_FILE = "CSVFormate/FFT_Filter_output.csv"
MIN_MAX_FILE = "CSVFormate/MinMax_Transform_output.csv"
TWO: dict[str, dict[str, float]] = {"fft": {}, "min_max": {}}


def test_two_services_in_one_job(
    jobs: JobFolder, acceleration: Path, acceleration_values: NDArray[np.float64], read_output: Read
) -> None:
    assert jobs.run(acceleration, TWO) == [0]
    for file, expected in (
        (FFT_FILE, fft(acceleration_values)),
        (MIN_MAX_FILE, min_max(acceleration_values)),
    ):
        names, values = read_output(jobs.output / file)
        assert names[:2] == ["MOLA_ch0", "MOLA_ch1"]
        assert np.array_equal(values, expected)  # every digit survives the text
        assert (jobs.published / file).read_bytes() == (jobs.output / file).read_bytes()
    assert not (jobs.output / ".parts").exists()
    assert jobs.stderr == ""


def test_manifest_usage_profile_and_summary(jobs: JobFolder, acceleration: Path) -> None:
    jobs.run(acceleration, TWO, ranks=2)
    manifest = json.loads((jobs.output / "outputs.json").read_text())
    assert [entry["service"] for entry in manifest] == ["fft", "min_max"]
    for entry in manifest:
        content = Path(entry["path"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    usage = json.loads((jobs.output / "usage.json").read_text())
    assert [one["rank"] for one in usage] == [0, 1]
    assert all(one["peak_rss_bytes"] > 1e7 for one in usage)
    profile = json.loads(Path(jobs.document["profile"]).read_text())
    assert profile == json.loads(jobs.stdout)
    assert profile["phases"]["read_s"] > 0


def results(jobs: JobFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (jobs.output / "CSVFormate").iterdir()}


@pytest.mark.parametrize(("scenario", "kind"), [(1, "f8"), (2, "f4"), (3, "f8"), (4, "f4")])
def test_precision_scenarios_and_npy(
    jobs: JobFolder, acceleration: Path, acceleration_values: NDArray[np.float64], scenario: int, kind: str
) -> None:
    assert jobs.run(acceleration, {"min_max": {}}, precision_scenario=scenario, csv_output=False) == [0]
    got = np.load((jobs.output / MIN_MAX_FILE).with_suffix(".npy"))
    computed = min_max(acceleration_values.astype("f8" if scenario < 3 else "f4"))
    assert got.dtype == kind
    assert np.array_equal(got, computed.T.astype(kind))
    assert not (jobs.output / MIN_MAX_FILE).exists()


def test_the_profile_tells_the_errors(
    jobs: JobFolder, acceleration: Path, acceleration_values: NDArray[np.float64]
) -> None:
    options: dict[str, dict[str, Any]] = {"kalman": {}, "fft": {}}
    assert set(jobs.run(acceleration, options, ranks=2, perforation_stride=5, precision_scenario=4)) == {0}
    errors = json.loads(Path(jobs.document["profile"]).read_text())["relative_l2_errors"]
    single = acceleration_values.astype("f4")
    whole, perforated = kalman(single), kalman(single, stride=5).astype("f8")
    double = kalman(acceleration_values, stride=5)
    by_hand = np.linalg.norm(perforated - whole) / np.linalg.norm(whole.astype("f8"))
    assert errors["kalman"]["perforation"] == pytest.approx(by_hand)
    by_hand = np.linalg.norm(perforated - double) / np.linalg.norm(double)
    assert errors["kalman"]["precision"] == pytest.approx(by_hand)
    assert 0 < errors["fft"]["precision"] < 1e-6
    assert "perforation" not in errors["fft"]


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e300])
def test_errors_of_the_smallest_and_largest_numbers(jobs: JobFolder, scale: float) -> None:
    cells = np.array([[1, 1], [-1, 2], [1, 3], [0.01, 4]]) * scale
    table = jobs.input("a;b\n" + "".join(f"{one!r};{other!r}\n" for one, other in cells.tolist()))
    assert jobs.run(table, {"kalman": {}}, perforation_stride=2) == [0]
    errors = json.loads(jobs.stdout)["relative_l2_errors"]["kalman"]
    whole = kalman(cells.T / scale)
    by_hand = np.linalg.norm(kalman(cells.T / scale, stride=2) - whole) / np.linalg.norm(whole)
    assert errors["perforation"] == pytest.approx(by_hand)
    assert jobs.stderr == ""


def test_figures_beyond_single_precision_are_told_of(jobs: JobFolder) -> None:
    table = jobs.input("a;b\n1e300;1\n-1e300;2\n")
    assert jobs.run(table, {"kalman": {}}, precision_scenario=2, profile=None) == [0]
    told = (
        "kalman: 2 figures are infinite or not a number although the input is finite, the first in signal 'a'"
    )
    assert jobs.stderr == f"warning: {told}, row 2 of the result\n"
    assert json.loads((jobs.output / "warnings.json").read_text()) == [f"{told}, row 2 of the result"]


def test_files_of_an_earlier_step_are_ignored(jobs: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = jobs.published / "jobs" / "job.1"
    for step in ("3", "4"):
        monkeypatch.setenv("SLURM_JOB_ID", "77")
        monkeypatch.setenv("SLURM_STEP_ID", step)
        table = jobs.input("a;b\n1;x\n" if step == "3" else "a;b\n1;2\n")
        codes = jobs.run(table, {"min_max": {}}, ranks=2, output_dir=str(folder))
        assert codes == ([2, 2] if step == "3" else [0, 0]), jobs.stderr


def test_without_perforation_and_in_double_there_are_no_errors(jobs: JobFolder, acceleration: Path) -> None:
    jobs.run(acceleration, {"kalman": {}})
    assert json.loads(jobs.stdout)["relative_l2_errors"] == {}


def test_csv_in_single_precision_is_the_shortest_of_that_precision(
    jobs: JobFolder, read_output: Read
) -> None:
    jobs.run(jobs.input("a\n1\n3\n10\n"), {"min_max": {}}, precision_scenario=4)
    text = (jobs.output / MIN_MAX_FILE).read_text()
    assert text.splitlines()[2] == "0.22222222;"
    assert read_output(jobs.output / MIN_MAX_FILE)[1].tolist() == [[0.0, 0.22222222, 1.0]]


def test_the_frequency_column(jobs: JobFolder, read_output: Read) -> None:
    source = jobs.input("a;b\n1;2\n3;4\n5;6\n7;8\n")
    jobs.run(source, {"fft": {"spectrum": "half", "sampling_rate": 100}})
    names, values = read_output(jobs.output / FFT_FILE)
    assert names == ["frequency", "a", "b"]
    assert values[0].tolist() == [0.0, 25.0, 50.0]


def test_npy_parquet_and_gzip_give_the_same(
    jobs: JobFolder, acceleration: Path, acceleration_values: NDArray[np.float64]
) -> None:
    jobs.run(acceleration, {"min_max": {}})
    body = (jobs.output / MIN_MAX_FILE).read_bytes().split(b"\n", 1)[1]
    np.save(jobs.root / "x.npy", acceleration_values.T)
    pl.read_csv(acceleration, separator=";").write_parquet(jobs.root / "x.parquet")
    jobs.input(gzip.compress(acceleration.read_bytes()), "x.csv.gz")
    for name in ("x.npy", "x.parquet", "x.csv.gz"):
        assert jobs.run(jobs.root / name, {"min_max": {}}, ranks=2) == [0, 0]
        assert (jobs.output / MIN_MAX_FILE).read_bytes().split(b"\n", 1)[1] == body


def test_a_failed_job_leaves_the_published_result(jobs: JobFolder, acceleration: Path) -> None:
    jobs.run(acceleration, TWO)
    before = {file: (jobs.published / file).read_bytes() for file in (FFT_FILE, MIN_MAX_FILE)}
    bad = acceleration.read_text().replace("-0.0713384681", "x", 1)
    codes = jobs.run(jobs.input(bad), TWO, ranks=3)
    assert codes[0] == 2
    assert set(codes) <= {0, 2}  # a rank that had left its part before is done
    assert jobs.stderr.splitlines() == [
        "input.csv: row 2, column 3 ('MOLA_ch2'): expected a finite number, found 'x'"
    ]
    assert {file: (jobs.published / file).read_bytes() for file in before} == before
    assert not (jobs.output / "outputs.json").exists()


def test_the_second_service_fails_and_the_first_is_not_published(jobs: JobFolder, acceleration: Path) -> None:
    """min_max cannot write: its place is taken by a folder."""
    name = "job.1"
    (jobs.published / "jobs" / name / MIN_MAX_FILE).mkdir(parents=True)
    assert jobs.run(acceleration, TWO) == [1]
    assert "IsADirectoryError" in jobs.stderr
    assert not (jobs.published / FFT_FILE).exists()
    assert [path.name for path in (jobs.output / "CSVFormate").iterdir() if path.is_file()] == [
        Path(FFT_FILE).name
    ]


def test_a_killed_rank_never_leads_to_a_result(jobs: JobFolder, acceleration: Path) -> None:
    job_file = jobs.job_file(acceleration, TWO)
    first = jobs.start(job_file, 0, 2)
    second = jobs.start(job_file, 1, 2)
    second.kill()
    second.communicate()
    time.sleep(2)
    assert first.poll() is None  # waits for the part that never comes, until the launcher ends it
    first.kill()
    first.communicate()
    assert not (jobs.published / FFT_FILE).exists()


def test_publishing_twice_and_over_a_hard_link(jobs: JobFolder, acceleration: Path) -> None:
    job_file = jobs.job_file(acceleration, {"min_max": {}})
    for _ in range(2):
        process = jobs.start(job_file, 0, 1)
        process.communicate()
        assert process.returncode == 0
    assert [path.name for path in (jobs.published / "CSVFormate").iterdir()] == [Path(MIN_MAX_FILE).name]


def test_without_slurm_there_is_one_rank(jobs: JobFolder, acceleration: Path) -> None:
    job_file = jobs.job_file(acceleration, {"min_max": {}}, publish_dir=None, profile=None)
    command = [sys.executable, "-m", "hpc_kernels", "run", str(job_file)]
    subprocess.run(command, check=True, stdout=subprocess.PIPE)
    assert (jobs.output / MIN_MAX_FILE).exists()
    assert not (jobs.published / "CSVFormate").exists()


def command(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "hpc_kernels", *arguments], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


def test_info_names_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPC_KERNELS_CACHE", str(tmp_path))
    assert command("info")["cache"] == str(tmp_path)


def test_after_warming_a_job_compiles_nothing(
    jobs: JobFolder, acceleration: Path, warmed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPC_KERNELS_CACHE", str(warmed))
    told = command("warm")
    assert (len(told["seconds"]), told["cache"]) == (8, str(warmed))
    compiled = sorted(Path(told["cache"]).rglob("*.o"))
    services = ("kalman", "fft", "min_max", "savitzky_golay", "black_scholes", "wavelet")
    options: dict[str, dict[str, Any]] = {service: {} for service in services}
    options["black_scholes"]["volatility"] = "price_std"
    for stride in (1, 3):
        assert set(jobs.run(acceleration, options, ranks=2, threads=2, perforation_stride=stride)) == {0}
    assert sorted(Path(told["cache"]).rglob("*.o")) == compiled


@pytest.mark.parametrize("ranks", [1, 2])
def test_signals_are_taken_in_blocks_where_memory_is_short(
    jobs: JobFolder, acceleration: Path, monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    options: dict[str, dict[str, Any]] = {"kalman": {}, "fft": {"sampling_rate": 250}}
    changes = {"precision_scenario": 4, "perforation_stride": 3}
    assert jobs.run(acceleration, options, **changes) == [0]
    whole, errors = results(jobs), json.loads(jobs.stdout)["relative_l2_errors"]
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", "200000")
    assert set(jobs.run(acceleration, options, ranks, **changes)) == {0}
    assert results(jobs) == whole
    found = json.loads(jobs.stdout)["relative_l2_errors"]
    assert found["kalman"] == pytest.approx(errors["kalman"])
    assert found["fft"] == pytest.approx(errors["fft"])
    assert not (jobs.output / ".parts").exists()


def test_bench_times_every_service() -> None:
    services = command("bench", "--signals", "3", "--samples", "50")["services"]
    assert len(services) == 8
    assert all(one["median_s"] > 0 for one in services.values())
