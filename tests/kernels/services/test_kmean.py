"""k-means under DTW and the Euclidean distance."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from hpc_kernels import kmean
from hpc_kernels.tables.labels import read_labels
from tests.kernels import naive
from tests.kernels.conftest import DATA
from tests.kernels.job_folder import JobFolder

TRAIN = DATA / "gunpoint" / "train.csv"
FILE = "KMean/KMean_cluster.csv"


@pytest.fixture(scope="module")
def gunpoint() -> NDArray[np.float64]:
    return np.loadtxt(TRAIN, delimiter=";", skiprows=1).T


@pytest.mark.parametrize("k", [1, 2, 3])
def test_against_the_definition(gunpoint: NDArray[np.float64], k: int) -> None:
    x = gunpoint[:12, ::5]
    assert kmean(x, cluster_number=k, init="first").tolist() == naive.kmean(x.tolist(), k, 10)


def test_euclidean_against_scikit_learn(gunpoint: NDArray[np.float64]) -> None:
    ours = kmean(gunpoint, metric="euclidean", init="first", max_iterations=100, epsilon_criteria=0)
    theirs = KMeans(2, init=gunpoint[:2], n_init=1, max_iter=100, tol=0).fit(gunpoint).labels_
    assert np.array_equal(ours == ours[0], theirs == theirs[0])


@pytest.mark.parametrize("init", ["kmeans++", "first"])
@pytest.mark.parametrize("options", [{"metric": "euclidean"}, {}, {"centroid": "dba"}])
@pytest.mark.parametrize(
    ("kind", "scale"),
    [("f8", 1e-300), ("f8", 1e-200), ("f8", 1e200), ("f8", 5e307), ("f4", 1e-25), ("f4", 1e25), ("f4", 1e38)],
)
def test_signals_of_any_size(kind: str, scale: float, options: dict[str, Any], init: Any) -> None:
    signals = (np.array([[0, 0], [3, 3], [0.1, 0], [3.1, 3]]) * scale).astype(kind)
    labels = kmean(signals, init=init, epsilon_criteria=1e-5 * scale, **options)
    assert labels.tolist() == [0, 1, 0, 1]


def test_spikes_beside_small_signals() -> None:
    signals = [[1e300, -1e300, 1e300], [1.0, 1.0, 2.0], [2.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    for metric in ("dtw", "euclidean"):
        labels = kmean(signals, metric=metric, seed=1)
        assert labels.tolist() == [1, 0, 0, 0]


@given(st.integers(2, 6), st.integers(0, 5), st.sampled_from(["dtw", "euclidean"]))
def test_labels_are_numbered_by_size(k: int, seed: int, metric: Any) -> None:
    x = np.random.default_rng(seed).standard_normal((20, 5))
    labels = kmean(x, cluster_number=k, seed=seed, metric=metric)
    sizes = np.bincount(labels, minlength=k)
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()
    for first, second in zip(range(k), range(1, k), strict=False):
        if sizes[first] == sizes[second]:
            assert np.argmax(labels == first) < np.argmax(labels == second)


@pytest.mark.parametrize("centroid", ["mean", "dba"])
@pytest.mark.parametrize("init", ["kmeans++", "first"])
def test_duplicates_still_fill_every_cluster(centroid: Any, init: Any) -> None:
    x = np.repeat([[1.0, 2.0, 3.0]], 5, axis=0)
    labels = kmean(x, cluster_number=3, init=init, centroid=centroid)
    assert np.bincount(labels).tolist() == [3, 1, 1]


def test_an_emptied_cluster_takes_the_farthest_signal() -> None:
    x = np.array([[0.0], [0.0], [1.0], [100.0]])
    assert kmean(x, cluster_number=2, init="first").tolist() == [0, 0, 0, 1]


def test_well_separated_signals_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 0.1, (5, 30)), rng.normal(9, 0.1, (7, 30))])
    for centroid in ("mean", "dba"):
        assert kmean(x, centroid=centroid).tolist() == [1] * 5 + [0] * 7


def test_a_shifted_peak_is_near_in_dtw_only() -> None:
    t = np.arange(60.0)
    peaks = [np.exp(-((t - c) ** 2) / 8) for c in (20, 25, 30)]
    steps = [np.where(t < c, 0.0, 0.6) for c in (20, 25, 30)]
    labels = kmean(np.array(peaks + steps), seed=1)
    assert labels.tolist() in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])


@pytest.mark.parametrize(
    ("options", "gunpoint", "chinatown"),
    [({}, -0.02, 0.33), ({"metric": "euclidean"}, 0.01, 0.12), ({"centroid": "dba"}, 0.05, 0.12)],
)
def test_agreement_with_the_classes(options: dict[str, Any], gunpoint: float, chinatown: float) -> None:
    """As it is, and as the documentation tells it."""
    for name, expected in (("gunpoint", gunpoint), ("chinatown", chinatown)):
        signals = np.loadtxt(DATA / name / "train.csv", delimiter=";", skiprows=1).T
        classes = list(read_labels(DATA / name / "labels.csv", 2).values())
        assert round(adjusted_rand_score(classes, kmean(signals, **options)), 2) == expected


def test_too_few_signals() -> None:
    with pytest.raises(ValueError, match="3 clusters need as many signals, got 2"):
        kmean(np.zeros((2, 4)), cluster_number=3)


@pytest.mark.parametrize(
    "options", [{}, {"metric": "euclidean", "cluster_number": 3}, {"centroid": "dba", "band": 9}]
)
def test_ranks_and_threads(jobs: JobFolder, options: dict[str, Any]) -> None:
    assert jobs.run(TRAIN, {"kmean": options}) == [0]
    alone = (jobs.output / FILE).read_bytes()
    for ranks, threads in ((1, 2), (2, 1), (3, 2)):
        assert set(jobs.run(TRAIN, {"kmean": options}, ranks, threads=threads)) == {0}
        assert (jobs.output / FILE).read_bytes() == alone
        assert not (jobs.output / ".parts").exists()
    header, *rows = alone.decode().splitlines()
    assert header == "timeseries;labels"
    assert [row.split(";")[0] for row in rows] == TRAIN.read_text().split("\n")[0].split(";")


def test_clusters_asked_for_and_by_default(jobs: JobFolder) -> None:
    source = jobs.input("one\n1\n2\n")
    assert jobs.run(source, {"kmean": {"cluster_number": 2}}) == [2]
    assert jobs.stderr == "input.csv: kmean: 2 clusters need as many signals, got 1\n"
    assert jobs.run(source, {"kmean": {}}, csv_output=False) == [0]
    assert np.load((jobs.output / FILE).with_suffix(".npy")).tolist() == [0]


def test_classes_do_not_mix(jobs: JobFolder, acceleration: Path) -> None:
    assert jobs.run(acceleration, {"kmean": {}, "fft": {}}) == [2]
    assert "services of different classes do not mix in one job: kmean (clustering), fft" in jobs.stderr


def test_example() -> None:
    assert kmean([[0.0, 0.0, 1.0], [5.0, 6.0, 5.0], [0.0, 1.0, 1.0]]).tolist() == [0, 1, 0]
