"""k-nearest neighbours: the published errors on GunPoint, the definition, and broken folders."""

import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels import knn
from tests.kernels import naive
from tests.kernels.conftest import DATA
from tests.kernels.job_folder import JobFolder

GUNPOINT = DATA / "gunpoint"
FILE = "KNN/KNN_timesseries_label.csv"


def run(jobs: JobFolder, options: dict[str, Any], ranks: int = 1, **changes: Any) -> list[int]:
    places = {"inference_dir": str(GUNPOINT / "inference"), "labels": str(GUNPOINT / "labels.csv")}
    source = changes.pop("source", GUNPOINT / "train.csv")
    return jobs.run(source, {"knn": options}, ranks, **(places | changes))


def error_rate(jobs: JobFolder) -> float:
    found = (jobs.output / FILE).read_text().splitlines()
    truth = (GUNPOINT / "truth.csv").read_text().splitlines()
    assert found[0] == truth[0] == "timeseries;label"
    assert [line.split(";")[0] for line in found] == [line.split(";")[0] for line in truth]
    return sum(a != b for a, b in zip(found, truth, strict=True)) / 150


@pytest.mark.parametrize(
    ("options", "published"), [({"cost": "squared"}, 0.0933), ({"metric": "euclidean"}, 0.0867)]
)
def test_the_published_errors(jobs: JobFolder, options: dict[str, Any], published: float) -> None:
    assert run(jobs, {"k_nearest_neighbor": 1} | options, ranks=2) == [0, 0]
    assert round(error_rate(jobs), 4) == published


@given(st.integers(1, 5), st.one_of(st.none(), st.integers(0, 6)), st.integers(0, 10**6))
def test_against_the_definition(k: int, band: int | None, seed: int) -> None:
    """Coarse values, so that equal distances and tied votes are common."""
    rng = np.random.default_rng(seed)
    training = rng.integers(0, 3, (8, 6)).astype(float)
    labels = rng.integers(0, 3, 8)
    queries = [rng.integers(0, 3, rng.integers(1, 9)).astype(float) for _ in range(3)]
    got = knn(training, labels, queries, k_nearest_neighbor=k, band=band)
    expected = [naive.knn(training.tolist(), labels.tolist(), q.tolist(), k, band) for q in queries]
    assert got.tolist() == expected


@pytest.mark.parametrize("options", [{"metric": "euclidean"}, {}, {"cost": "squared"}])
@pytest.mark.parametrize(
    ("kind", "scale"),
    [("f8", 1e-300), ("f8", 1e-200), ("f8", 1e200), ("f8", 5e307), ("f4", 1e-25), ("f4", 1e25), ("f4", 1e38)],
)
def test_signals_of_any_size(kind: str, scale: float, options: dict[str, Any]) -> None:
    training = (np.array([[0, 0, 0], [3, 3, 3]]) * scale).astype(kind)
    usual = (np.array([2.9, 3, 3]) * scale).astype(kind)
    queries = [usual, np.zeros(3, kind), usual, np.full(3, -1, kind)]
    assert knn(training, [0, 1], queries, k_nearest_neighbor=1, **options).tolist() == [1, 0, 1, 0]


def test_queries_far_beyond_the_training_signals() -> None:
    training, query = np.array([[0.0, 0.0], [0.0, -1e300]]), np.array([0.0, -1.7e308])
    assert knn(training, [0, 1], [query], k_nearest_neighbor=1, metric="euclidean").tolist() == [1]


@pytest.mark.parametrize("metric", ["dtw", "euclidean"])
def test_all_distances_equal(metric: Any) -> None:
    training = np.zeros((6, 4))
    assert knn(training, [2, 1, 1, 2, 0, 0], [np.ones(4)], k_nearest_neighbor=4, metric=metric).tolist() == [
        2
    ]
    assert knn(training, [2, 1, 1, 2, 0, 0], [np.ones(4)], k_nearest_neighbor=3, metric=metric).tolist() == [
        1
    ]


def test_single_precision_and_band_on_real_data(jobs: JobFolder) -> None:
    assert run(jobs, {"k_nearest_neighbor": 1, "band": 15}) == [0]
    double = (jobs.output / FILE).read_bytes()
    assert run(jobs, {"k_nearest_neighbor": 1, "band": 15}, precision_scenario=4) == [0]
    assert (jobs.output / FILE).read_bytes() == double


def test_ranks_and_threads(jobs: JobFolder) -> None:
    assert run(jobs, {}) == [0]
    alone = (jobs.output / FILE).read_bytes()
    for ranks, threads in ((1, 2), (3, 2)):
        assert set(run(jobs, {}, ranks, threads=threads)) == {0}
        assert (jobs.output / FILE).read_bytes() == alone


def test_more_ranks_than_files_and_unequal_lengths(jobs: JobFolder) -> None:
    folder = jobs.root / "inference"
    folder.mkdir()
    for name, length in (("b.csv", 100), ("a.csv", 170)):
        (folder / name).write_text("x\n" + "0.5\n" * length)
    assert set(run(jobs, {}, ranks=3, inference_dir=str(folder))) == {0}
    assert [line.split(";")[0] for line in (jobs.output / FILE).read_text().splitlines()[1:]] == [
        "a.csv",
        "b.csv",
    ]
    assert run(jobs, {"metric": "euclidean"}, ranks=2, inference_dir=str(folder))[0] == 2
    expected = "expected 150 samples, as the training signals have under the Euclidean metric, found"
    assert jobs.stderr in {f"a.csv: {expected} 170\n", f"b.csv: {expected} 100\n"}


def test_neighbours_asked_for_and_by_default(jobs: JobFolder) -> None:
    source = jobs.input("a;b\n1;2\n3;4\n")
    labels = jobs.input("timeseries;labels\na;0\nb;1\n", "labels.csv")
    assert run(jobs, {"k_nearest_neighbor": 3}, source=source, labels=str(labels)) == [2]
    assert jobs.stderr == "input.csv: knn: 3 neighbours need as many training signals, got 2\n"
    assert run(jobs, {}, source=source, labels=str(labels), csv_output=False) == [0]


LABELS = {
    "missing": (
        "timeseries;labels\na;0\n",
        "labels.csv: expected a label for the training signal 'b', found none",
    ),
    "outside": (
        "timeseries;labels\na;0\nb;2\n",
        "labels.csv: row 3, column 2: expected a label from 0 to 1, found '2'",
    ),
    "negative": (
        "timeseries;labels\na;-1\nb;1\n",
        "row 2, column 2: expected a label from 0 to 1, found '-1'",
    ),
    "text": ("timeseries;labels\na;x\nb;1\n", "row 2, column 2: expected a label from 0 to 1, found 'x'"),
    "fraction": ("timeseries;labels\na;0.5\nb;1\n", "expected a label from 0 to 1, found '0.5'"),
    "twice": ("timeseries;labels\na;0\na;0\nb;1\n", "row 3, column 1: 'a' has a label already"),
    "ragged": ("timeseries;labels\na\nb;1\n", "row 2: expected a name and a label, found 1 cells"),
    "5,000 digits": (
        f"t;l\na;{'1' * 5000}\nb;1\n",
        f"row 2, column 2: expected a label from 0 to 1, found '{'1' * 40}'",
    ),
    "empty": ("", "labels.csv: expected a label for the training signal 'a', found none"),
}


@pytest.mark.parametrize(("text", "message"), LABELS.values(), ids=LABELS.keys())
def test_broken_labels(jobs: JobFolder, text: str, message: str) -> None:
    source = jobs.input("a;b\n1;2\n3;4\n")
    assert run(jobs, {}, source=source, labels=str(jobs.input(text, "labels.csv"))) == [2]
    assert jobs.stderr.endswith(message + "\n")
    assert not (jobs.published / FILE).exists()


def test_repeated_names(jobs: JobFolder) -> None:
    source = jobs.input("a;a\n1;2\n3;4\n")
    labels = jobs.input("timeseries;labels\na;0\n", "labels.csv")
    assert run(jobs, {}, source=source, labels=str(labels)) == [2]
    assert jobs.stderr == "input.csv: row 1: two signals are called 'a'; labels go by name\n"


def test_ranks_name_the_first_bad_file_of_all(jobs: JobFolder) -> None:
    folder = jobs.root / "inference"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.csv").write_text("s\n1\nx\n" if i in {1, 5} else "s\n1\n2\n")
    for _ in range(3):  # whichever rank is the first to speak
        assert 2 in run(jobs, {}, ranks=3, inference_dir=str(folder))  # those with good files may be done
        assert jobs.stderr == "1.csv: row 3, column 1 ('s'): expected a finite number, found 'x'\n"


def test_broken_inference_folders(jobs: JobFolder) -> None:
    folder = jobs.root / "inference"
    assert run(jobs, {}, inference_dir=str(folder)) == [2]
    assert "folder not found" in jobs.stderr
    folder.mkdir()
    assert run(jobs, {}, inference_dir=str(folder)) == [2]
    assert "expected at least one signal to classify (*.csv), found none" in jobs.stderr
    shutil.copy(GUNPOINT / "inference" / "test_0000.csv", folder)
    for text, message in (
        ("x\n1\nz\n", "bad.csv: row 3, column 1 ('x'): expected a finite number, found 'z'"),
        ("x;y\n1;2\n", "bad.csv: row 1: expected one signal, found 2 columns"),
        ("", "bad.csv: expected a header and samples, found an empty file"),
        ("x\n", "bad.csv: row 2: expected at least one sample, found none"),
    ):
        (folder / "bad.csv").write_text(text)
        assert run(jobs, {}, ranks=2, inference_dir=str(folder))[0] == 2  # the other may be done already
        assert jobs.stderr == message + "\n"


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "nan", "1e400"])
def test_infinities_are_refused(jobs: JobFolder, cell: str) -> None:
    labels = str(jobs.input("t;l\na;0\nb;1\n", "labels.csv"))
    folder = jobs.root / "inference"
    folder.mkdir()
    (folder / "q.csv").write_text("q\n1\n2\n")
    found = f"row 3, column 2 ('b'): expected a finite number, found '{cell}'"
    places: dict[str, Any] = {"labels": labels, "inference_dir": str(folder)}
    assert run(jobs, {}, source=jobs.input(f"a;b\n1;2\n3;{cell}\n"), **places) == [2]
    assert found in jobs.stderr
    (folder / "q.csv").write_text(f"q\n1\n{cell}\n")
    assert run(jobs, {}, source=jobs.input("a;b\n1;2\n3;4\n"), **places) == [2]
    assert f"q.csv: row 3, column 1 ('q'): expected a finite number, found '{cell}'" in jobs.stderr


def test_places_are_needed(jobs: JobFolder) -> None:
    assert run(jobs, {}, labels=None) == [2]
    assert "knn needs labels" in jobs.stderr
    assert run(jobs, {}, inference_dir=None) == [2]
    assert "knn needs inference_dir" in jobs.stderr


def test_example() -> None:
    assert knn(
        [[0.0, 1.0], [5.0, 6.0]], [3, 4], [np.array([0.0, 0.0, 1.0])], k_nearest_neighbor=1
    ).tolist() == [3]


@pytest.mark.parametrize("options", [{}, {"band": 2}, {"cost": "squared", "k_nearest_neighbor": 3}])
def test_queries_together_and_alone(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    training, lengths = rng.standard_normal((12, 20)).cumsum(axis=1), [20] * 40 + [19, 21, 21, 1, 20]
    queries = [rng.standard_normal(length).cumsum() for length in lengths]
    together = knn(training, np.arange(12) % 3, queries, **options).tolist()
    assert together == [knn(training, np.arange(12) % 3, [query], **options)[0] for query in queries]


def test_a_label_beyond_64_bits(jobs: JobFolder) -> None:
    labels = jobs.input(f"t;l\na;{10**24}\nb;1\n", "labels.csv")
    source = jobs.input("a;b\n1;2\n2;1\n")
    assert run(jobs, {"cluster_number": 2**31 - 1}, source=source, labels=str(labels)) == [2]
    assert f"expected a label from 0 to {2**31 - 2}, found '{10**24}'" in jobs.stderr


def test_hidden_files_are_no_signals(jobs: JobFolder) -> None:
    folder = jobs.root / "inference"
    folder.mkdir()
    (folder / ".hidden.csv").write_text("no signal")
    (folder / "q.csv").write_text("q\n1\n2\n")
    labels = jobs.input("t;l\na;0\nb;1\n", "labels.csv")
    source = jobs.input("a;b\n1;2\n2;1\n")
    assert run(jobs, {}, source=source, labels=str(labels), inference_dir=str(folder)) == [0]
    assert (jobs.output / FILE).read_text() == "timeseries;label\nq.csv;0\n"
