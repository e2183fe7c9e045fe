"""Jobs write a preview beside each result: its extremes, its axis and its units, for any number of ranks."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kernels.job_folder import JobFolder
from tests.kernels.preview_files import PreviewFile, read_preview

SAMPLES = 5000
PLACES = {"kalman": "CSVFormate/Kalman_Filter_output.csv", "fft": "CSVFormate/FFT_Filter_output.csv"}


def table(*, timed: bool = False) -> str:
    rng = np.random.default_rng(1)
    rows = [f"{a:.5f};{b:.5f}" for a, b in rng.standard_normal((SAMPLES, 2)).tolist()]
    if not timed:
        return "\n".join(["x;y", *rows])
    times = [f"2026-01-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02};" for i in range(SAMPLES)]
    head = ["when;x;y", "s;mm;V"] if timed else ["x;y"]
    return "\n".join(
        [*head, *(t + row for t, row in zip(times, rows, strict=True))] if timed else head + rows
    )


def written(path: Path, skip: int = 0) -> Any:
    with path.open() as file:
        rows = [[cell for cell in row if cell] for row in csv.reader(file, delimiter=";")]
    return np.array([row[skip:] for row in rows[1:]], float).T


def preview(jobs: JobFolder, service: str) -> PreviewFile:
    return read_preview(jobs.output / f"{service}.preview")


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_extremes_are_those_of_the_result(jobs: JobFolder, ranks: int) -> None:
    services: dict[str, Any] = {"kalman": {}, "fft": {}}
    assert jobs.run(jobs.input(table()), services, ranks)[0] == 0, jobs.stderr
    starts = np.arange(2000) * SAMPLES // 2000
    for service, place in PLACES.items():
        found, result = preview(jobs, service), written(jobs.output / place)
        np.testing.assert_array_equal(found.least, np.minimum.reduceat(result, starts, axis=1))
        np.testing.assert_array_equal(found.greatest, np.maximum.reduceat(result, starts, axis=1))
        assert found.axis.tolist() == starts.tolist()
        assert (found.header["names"], found.header["samples"]) == (["x", "y"], SAMPLES)
    assert preview(jobs, "fft").header["x"] == {"name": "bin", "unit": ""}
    assert not list(jobs.published.glob("*.preview"))


def test_times_and_units_are_carried_into_previews(jobs: JobFolder) -> None:
    services: dict[str, Any] = {"kalman": {}, "fft": {"spectrum": "half"}, "min_max": {}}
    done = jobs.run(jobs.input(table(timed=True)), services, table={}, csv_output=False)
    assert done == [0], jobs.stderr
    smooth, spectrum = preview(jobs, "kalman"), preview(jobs, "fft")
    assert smooth.header["x"] == {"name": "when", "unit": "s"}
    assert smooth.axis[:3].tolist() == [1767225600.0, 1767225602.0, 1767225605.0]
    assert smooth.header["units"] == spectrum.header["units"] == ["mm", "V"]
    assert preview(jobs, "min_max").header["units"] == ["", ""]
    assert spectrum.header["x"] == {"name": "frequency", "unit": "Hz"}
    assert (spectrum.header["names"], spectrum.header["signals_total"]) == (["x", "y"], 2)
    assert spectrum.axis[0] == 0
    assert spectrum.axis[-1] == pytest.approx(0.5, abs=1e-3)


def test_a_signal_that_is_called_frequency_is_a_signal(jobs: JobFolder) -> None:
    assert jobs.run(jobs.input("frequency;y\n1;2\n3;4\n"), {"fft": {}}) == [0]
    found = preview(jobs, "fft")
    assert found.header["names"] == ["frequency", "y"]
    assert found.least.tolist() == [[4, 2], [6, 2]]


@pytest.mark.parametrize("ranks", [1, 2])
def test_labels_have_a_preview_of_one_signal(jobs: JobFolder, ranks: int) -> None:
    source = jobs.input("a;b;c\n1;5;1\n2;5;2\n")
    assert set(jobs.run(source, {"kmean": {}}, ranks)) == {0}, jobs.stderr
    found = preview(jobs, "kmean")
    assert (found.header["x"]["name"], found.header["names"], found.header["samples"]) == (
        "timeseries",
        ["labels"],
        3,
    )
    assert found.least.tolist() == [[0, 1, 0]]
    folder = jobs.root / "inference"
    folder.mkdir()
    (folder / "q.csv").write_text("q\n5\n5\n")
    given = {"labels": str(jobs.output / "KMean/KMean_cluster.csv"), "inference_dir": str(folder)}
    assert set(jobs.run(source, {"knn": {"k_nearest_neighbor": 1}}, ranks, **given)) == {0}, jobs.stderr
    found = preview(jobs, "knn")
    assert (found.header["names"], found.least.tolist()) == (["label"], [[1]])


def test_a_result_of_single_precision_has_its_preview_in_it(jobs: JobFolder) -> None:
    assert jobs.run(jobs.input("a\n1\n0\n3\n"), {"min_max": {}}, precision_scenario=2) == [0]
    assert preview(jobs, "min_max").least.tolist() == [[float(np.float32(1 / 3)), 0, 1]]
