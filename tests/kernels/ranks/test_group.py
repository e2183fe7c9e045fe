"""Every service gives the same bytes for any number of ranks and threads."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.kernels.conftest import DATA
from tests.kernels.job_folder import JobFolder

GUNPOINT = DATA / "gunpoint"
FILTERS: dict[str, dict[str, Any]] = {
    "kalman": {},
    "fft": {"window": "hann", "sampling_rate": 250},
    "min_max": {},
    "savitzky_golay": {"mode": "interp"},
    "black_scholes": {"volatility": "price_std"},
    "wavelet": {},
}
PRICED: dict[str, dict[str, Any]] = {"black_scholes": {"expiry_date": "2030-01-01"}, "kalman": {}}
KNN = {"inference_dir": str(GUNPOINT / "inference"), "labels": str(GUNPOINT / "labels.csv")}
Case = tuple[Path, dict[str, Any], dict[str, Any]]
CASES: dict[str, Case] = {
    "filters": (DATA / "acceleration_12.csv", FILTERS, {}),
    "asset pairs": (DATA / "asset_prices.csv", PRICED, {"layout": "asset_pairs"}),
    "kmean dtw": (GUNPOINT / "train.csv", {"kmean": {"cluster_number": 3}}, {}),
    "kmean dba": (GUNPOINT / "train.csv", {"kmean": {"centroid": "dba", "band": 15}}, {}),
    "kmean euclidean": (GUNPOINT / "train.csv", {"kmean": {"metric": "euclidean", "cluster_number": 4}}, {}),
    "knn dtw": (GUNPOINT / "train.csv", {"knn": {"band": 10}}, KNN),
    "knn euclidean": (GUNPOINT / "train.csv", {"knn": {"metric": "euclidean"}}, KNN),
}
SHAPES = [(ranks, threads) for ranks, threads in product((1, 2, 3, 8), (1, 2)) if ranks * threads > 1]


def bytes_of(jobs: JobFolder, case: Case, ranks: int, threads: int, **changes: Any) -> dict[str, bytes]:
    source, services, places = case
    codes = jobs.run(source, services, ranks, threads=threads, **(places | changes))
    assert codes == [0] * ranks, jobs.stderr
    assert not (jobs.output / ".parts").exists()
    found = {path.name: path.read_bytes() for path in jobs.output.glob("*/*")}
    assert len(found) == len(services)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Return the results of one rank with one thread for each case, computed on first use."""
    folder = JobFolder(tmp_path_factory.mktemp("alone"))

    class Found(dict[str, dict[str, bytes]]):
        def __missing__(self, name: str) -> dict[str, bytes]:
            self[name] = bytes_of(folder, CASES[name], 1, 1)
            return self[name]

    return Found()


@pytest.mark.parametrize(("ranks", "threads"), [*SHAPES, (15, 1)])
def test_filters(jobs: JobFolder, alone: dict[str, dict[str, bytes]], ranks: int, threads: int) -> None:
    assert bytes_of(jobs, CASES["filters"], ranks, threads) == alone["filters"]


@pytest.mark.parametrize(("ranks", "threads"), [(3, 2), (8, 1)])
@pytest.mark.parametrize("name", ["kmean dba", "knn dtw"])
def test_clusters_and_classes(
    jobs: JobFolder, alone: dict[str, dict[str, bytes]], name: str, ranks: int, threads: int
) -> None:
    assert bytes_of(jobs, CASES[name], ranks, threads) == alone[name]


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", [1, 4])
@pytest.mark.parametrize("name", CASES)
def test_every_service_precision_and_shape(jobs: JobFolder, name: str, scenario: int) -> None:
    """Perforated and as NumPy files in single precision, so that those ways are seen as well."""
    changes = {"precision_scenario": scenario, "perforation_stride": scenario, "csv_output": scenario < 3}
    one = bytes_of(jobs, CASES[name], 1, 1, **changes)
    for ranks, threads in SHAPES:
        assert bytes_of(jobs, CASES[name], ranks, threads, **changes) == one, (ranks, threads)
