"""The cache of object files: jobs find them without Numba, and a broken file is compiled again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

import hpc_kernels
from hpc_kernels.jit.bit_intrinsics import high_product
from hpc_kernels.jit.decorators import Compiled, compiled
from hpc_kernels.jit.marks import Intrinsic
from tests.kernels.conftest import DATA
from tests.kernels.job_folder import JobFolder

FILTERS: dict[str, dict[str, Any]] = {
    "kalman": {},
    "fft": {"sampling_rate": 250, "window": "hann"},
    "min_max": {},
    "savitzky_golay": {"mode": "interp"},
    "black_scholes": {"volatility": "price_std"},
    "wavelet": {"mode": "hard"},
}
_FORBIDDEN = "raise ImportError('a job may not need Numba')"


@pytest.fixture
def without_numba(warmed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let jobs find the warmed cache and no compiler; nothing may be added."""
    before = sorted(warmed.iterdir())
    forbidden = tmp_path / "forbidden" / "numba"
    forbidden.mkdir(parents=True)
    (forbidden / "__init__.py").write_text(_FORBIDDEN)
    copy(Path(numba.__file__).with_name("_version.py"), forbidden)  # a part of the keys of the cache
    monkeypatch.setenv("HPC_KERNELS_CACHE", str(warmed))
    monkeypatch.setenv("PYTHONPATH", str(forbidden.parent))
    yield
    assert sorted(warmed.iterdir()) == before


@pytest.mark.usefixtures("without_numba")
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("scenario", [1, 2, 3, 4])
def test_filters_need_no_numba(jobs: JobFolder, acceleration: Path, scenario: int, stride: int) -> None:
    changes = {"precision_scenario": scenario, "perforation_stride": stride, "threads": 2}
    assert jobs.run(acceleration, FILTERS, **changes) == [0], jobs.stderr


@pytest.mark.usefixtures("without_numba")
@pytest.mark.parametrize("scenario", [1, 4])
@pytest.mark.parametrize("table", ["a\n1\n2\n4\n", "a;b\n1;2\n", "a\n3\n"])
def test_the_smallest_tables_need_no_numba(jobs: JobFolder, table: str, scenario: int) -> None:
    services: dict[str, dict[str, float]] = {name: {} for name in FILTERS}
    services["black_scholes"] = {"volatility": 0.2}
    assert jobs.run(jobs.input(table), services, precision_scenario=scenario) == [0], jobs.stderr


@pytest.mark.usefixtures("without_numba")
@pytest.mark.parametrize("scenario", [1, 4])
def test_asset_pairs_need_no_numba(jobs: JobFolder, scenario: int) -> None:
    pairs, services = DATA / "asset_prices.csv", {"black_scholes": {"expiry_date": "2030-01-01"}}
    assert jobs.run(pairs, services, layout="asset_pairs", precision_scenario=scenario) == [0], jobs.stderr


@pytest.mark.usefixtures("without_numba")
def test_a_table_of_numbers_needs_no_numba(jobs: JobFolder, acceleration_values: NDArray[np.float64]) -> None:
    np.save(jobs.root / "input.npy", acceleration_values.T)
    changes = {"ranks": 2, "csv_output": False}
    assert jobs.run(jobs.root / "input.npy", FILTERS, **changes) == [0, 0], jobs.stderr


@pytest.mark.usefixtures("without_numba")
@pytest.mark.parametrize("scenario", [1, 4])
@pytest.mark.parametrize(
    "options",
    [{"metric": "euclidean"}, {"centroid": "mean"}, {"centroid": "dba", "band": 3}],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_clustering_needs_no_numba(jobs: JobFolder, options: dict[str, Any], scenario: int) -> None:
    table = jobs.input("a;b;c\n" + "".join(f"{t};{t * t};{7 - t}\n" for t in range(20)))
    assert jobs.run(table, {"kmean": options}, precision_scenario=scenario) == [0], jobs.stderr


@pytest.mark.usefixtures("without_numba")
def test_clustering_of_few_long_signals_needs_no_numba(jobs: JobFolder) -> None:
    np.save(jobs.root / "input.npy", np.random.default_rng(0).standard_normal((1 << 15, 32)))
    services = {"kmean": {"metric": "euclidean", "cluster_number": 5}}
    assert jobs.run(jobs.root / "input.npy", services) == [0], jobs.stderr


@pytest.mark.usefixtures("without_numba")
@pytest.mark.parametrize("scenario", [1, 4])
@pytest.mark.parametrize(
    "options",
    [{"metric": "euclidean"}, {"cost": "squared"}, {"band": 3}],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_classification_needs_no_numba(jobs: JobFolder, options: dict[str, Any], scenario: int) -> None:
    table = jobs.input("a;b\n" + "".join(f"{t};{t * t}\n" for t in range(20)))
    labels = jobs.input("timeseries;labels\na;0\nb;1\n", "labels.csv")
    inference = jobs.root / "inference"
    inference.mkdir()
    (inference / "query.csv").write_text("x\n" + "".join(f"{t + 1}\n" for t in range(20)))
    services = {"knn": options | {"k_nearest_neighbor": 1}}
    files = {"labels": str(labels), "inference_dir": str(inference)}
    assert jobs.run(table, services, 1, precision_scenario=scenario, **files) == [0], jobs.stderr


@pytest.fixture
def empty_cache(jobs: JobFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = jobs.root / "cache"
    monkeypatch.setenv("HPC_KERNELS_CACHE", str(cache))
    return cache


def scale(jobs: JobFolder, ranks: int = 1) -> list[int]:
    """Run a job that needs a single function; CSV in place of NumPy files would need ten more."""
    np.save(jobs.root / "input.npy", np.arange(8.0).reshape(2, 4))
    return jobs.run(jobs.root / "input.npy", {"min_max": {}}, ranks, csv_output=False)


@pytest.mark.parametrize("broken", [b"no line", b"0\n{}\n\x7fELF"])
def test_a_broken_file_is_made_again(jobs: JobFolder, empty_cache: Path, broken: bytes) -> None:
    assert scale(jobs) == [0]
    names = sorted(empty_cache.iterdir())
    assert names
    for path in names:
        path.write_bytes(broken)
    assert scale(jobs) == [0], jobs.stderr
    assert sorted(empty_cache.iterdir()) == names
    assert all(broken not in path.read_bytes() for path in names)


def test_half_a_file_is_made_again(jobs: JobFolder, empty_cache: Path) -> None:
    assert scale(jobs) == [0]
    sizes = {path: path.stat().st_size for path in empty_cache.iterdir()}
    for path, size in sizes.items():
        os.truncate(path, size // 2)
    assert scale(jobs) == [0], jobs.stderr
    assert all(path.stat().st_size > size // 2 for path, size in sizes.items())


def test_ranks_may_fill_an_empty_cache_at_once(jobs: JobFolder, empty_cache: Path) -> None:
    assert scale(jobs, ranks=4) == [0] * 4
    assert {path.suffix for path in empty_cache.iterdir()} == {".o"}  # nothing temporary is left


def test_where_no_cache_can_be_a_job_runs_all_the_same(
    jobs: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPC_KERNELS_CACHE", "/dev/null/cache")
    assert scale(jobs) == [0], jobs.stderr


def test_a_temporary_cache_is_this_users_alone(tmp_path: Path) -> None:
    def cache() -> Path:
        environment = os.environ | {"XDG_CACHE_HOME": "/dev/null/cache", "TMPDIR": str(tmp_path)}
        environment.pop("HPC_KERNELS_CACHE", None)
        command = [sys.executable, "-m", "hpc_kernels", "info"]
        done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE)
        return Path(json.loads(done.stdout)["cache"])

    mine = cache().parent
    assert mine == cache().parent == tmp_path / f"hpc_kernels-{os.getuid()}"
    mine.chmod(0o777)  # as another user might have made it before
    other = cache().parent
    assert (other.parent, other == mine, other.stat().st_mode & 0o777) == (tmp_path, False, 0o700)


def _several(x: Any, count: int, factor: float) -> tuple[int, float]:
    total = 0.0
    for value in x.flat:
        total += value * factor
    return count + 1, total


def test_kinds_of_arguments_and_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPC_KERNELS_CACHE", str(tmp_path))
    several = Compiled(_several)
    whole = np.arange(6.0).reshape(2, 3)
    for x in (whole, whole.astype(np.float32), whole[:, ::2], whole.T, whole[0]):
        assert several(x, 2, 0.5) == (3, x.sum() / 2)
    assert len(list(tmp_path.iterdir())) == 4  # whole[:, ::2] and whole.T are of one kind


@compiled
def _nothing(x: Any) -> None:
    x[0] = 1


@pytest.mark.parametrize("wrong", [None, "text", [1.0], 1j])
def test_arguments_of_other_types_are_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="take arrays and numbers"):
        _nothing(wrong)


@pytest.mark.parametrize("wrong", [2**63, -(2**63) - 1, 2**64])
def test_a_whole_number_beyond_64_bits_is_refused(wrong: int) -> None:
    with pytest.raises(OverflowError, match="no whole number of 64 bits"):
        _nothing(wrong)


def test_names_of_arguments_are_not_known() -> None:
    with pytest.raises(TypeError, match="by position"):
        _nothing(x=np.zeros(1))


def test_an_instruction_is_for_machine_code_only() -> None:
    assert isinstance(high_product, Intrinsic)
    with pytest.raises(TypeError, match="by compiled functions only"):
        high_product(1, 2)


def test_a_change_anywhere_in_the_package_is_new_code(tmp_path: Path) -> None:
    """Machine code of one file holds functions of others, so the key covers every folder of the package."""
    package = Path(hpc_kernels.__file__).parent
    changed = tmp_path / "hpc_kernels"
    copytree(package, changed, ignore=ignore_patterns("__pycache__"))

    def key() -> str:
        command = [
            sys.executable,
            "-c",
            "from hpc_kernels.jit import object_cache as c; print(c._source_key())",
        ]
        return subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True).stdout

    before = key()
    for name in ("services/kalman.py", "numerics/dtw.py", "arrays.py"):
        with (changed / name).open("a") as file:
            file.write("\n")
        assert key() != before, name
        before = key()
