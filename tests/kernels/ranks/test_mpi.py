"""Ranks under a real mpiexec: the same bytes as through files, and no hang when one of them ends badly."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.kernels.job_folder import JobFolder
from tests.kernels.ranks.test_group import CASES, SHAPES, Case, bytes_of

MPIEXEC = Path(sys.executable).parent / "mpiexec"
KERNELS = (sys.executable, "-m", "hpc_kernels", "run")
EUCLIDEAN = {"kmean": {"metric": "euclidean", "cluster_number": 2}}
FAR = {"kmean": {"metric": "dtw", "cluster_number": 3, "max_iterations": 1000, "epsilon_criteria": 1e-300}}


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("SLURM", "PMI", "OMPI"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nothing_left_in_memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only a rank that is killed may leave the shared memory through which MPICH talks."""
    before = shared_memory()
    yield
    left = shared_memory() - before
    for segment in left:
        segment.unlink()
    assert not left or "killed" in request.node.name


def shared_memory() -> set[Path]:
    return set(Path("/dev/shm").glob("mpich_shm_*"))  # noqa: S108 (MPICH's place)


@pytest.fixture
def start(jobs: JobFolder) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start the ranks of a job file under mpiexec; the end of the test ends them."""
    started: list[subprocess.Popen[str]] = []

    def start(job_file: Path, ranks: int, *words: str, **environment: str) -> "subprocess.Popen[str]":
        command = (*words, *KERNELS, str(job_file))
        started.append(
            subprocess.Popen(
                [str(MPIEXEC), "-n", str(ranks), *command],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.terminate()  # mpiexec takes its ranks along
        process.communicate(timeout=20)


Start = Callable[..., "subprocess.Popen[str]"]


def run(start: Start, job_file: Path, ranks: int, *words: str, **environment: str) -> tuple[int, str, str]:
    """Return the exit code of mpiexec, and stdout and stderr (without progress) of the ranks."""
    process = start(job_file, ranks, *words, **environment)
    stdout, stderr = process.communicate(timeout=200)
    said = [line for line in stderr.splitlines() if not line.endswith(" %")]
    return process.returncode, stdout, "\n".join(said)


def job_of(jobs: JobFolder, case: Case, **changes: Any) -> Path:
    source, services, places = case
    return jobs.job_file(source, services, **(places | changes))


def results(jobs: JobFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in jobs.output.glob("*/*")}


@pytest.mark.parametrize(
    ("name", "ranks", "threads"),
    [
        ("kmean dtw", 2, 1),
        ("kmean euclidean", 3, 2),
        ("kmean euclidean", 8, 1),
        ("kmean dba", 3, 1),
        ("knn dtw", 2, 2),
        ("knn euclidean", 8, 1),
    ],
)
def test_the_same_bytes_as_through_files(
    jobs: JobFolder, start: Start, name: str, ranks: int, threads: int
) -> None:
    through_files = bytes_of(jobs, CASES[name], ranks, threads)
    assert json.loads(jobs.stdout)["exchange"] == "files"
    code, stdout, stderr = run(start, job_of(jobs, CASES[name], threads=threads), ranks)
    assert (code, stderr) == (0, "")
    assert results(jobs) == through_files
    summary = json.loads(stdout)
    assert (summary["exchange"], summary["ranks"]) == ("mpi", ranks)
    assert summary["versions"]["mpi4py"]
    assert summary["phases"]["mpi_s"] > 0
    assert not list(jobs.output.glob(".parts*"))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", [1, 4])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("k")])
def test_every_precision_and_shape(jobs: JobFolder, start: Start, name: str, scenario: int) -> None:
    one = bytes_of(jobs, CASES[name], 1, 1, precision_scenario=scenario)
    for ranks, threads in [(1, 1), *SHAPES]:
        job_file = job_of(jobs, CASES[name], precision_scenario=scenario, threads=threads)
        code, stdout, stderr = run(start, job_file, ranks)
        assert (code, stderr) == (0, "")
        assert results(jobs) == one, (ranks, threads)
        assert json.loads(stdout)["exchange"] == ("mpi" if ranks > 1 else "files")


def test_filters_never_start_mpi(jobs: JobFolder, start: Start) -> None:
    through_files = bytes_of(jobs, CASES["filters"], 3, 1)
    code, stdout, _ = run(start, job_of(jobs, CASES["filters"]), 3)
    assert code == 0
    assert results(jobs) == through_files
    summary = json.loads(stdout)
    assert (summary["exchange"], summary["ranks"]) == ("files", 3)
    assert "mpi4py" not in summary["versions"]
    assert "mpi_s" not in summary["phases"]
    assert not list(jobs.output.glob(".parts*"))


def test_without_mpi4py_files(jobs: JobFolder, start: Start, tmp_path: Path) -> None:
    """As on a node where the extra was not installed: no word, no change."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'mpi4py' else find(name, *rest)\n"
    )
    job_file = jobs.job_file(CASES["kmean euclidean"][0], EUCLIDEAN)
    code, stdout, stderr = run(start, job_file, 2, PYTHONPATH=str(tmp_path))
    assert (code, stderr, json.loads(stdout)["exchange"]) == (0, "", "files")


def test_mpi4py_without_an_mpi(jobs: JobFolder, start: Start) -> None:
    job_file = jobs.job_file(CASES["kmean euclidean"][0], EUCLIDEAN)
    code, stdout, stderr = run(start, job_file, 2, MPI4PY_LIBMPI="/nowhere/libmpi.so")
    assert (code, json.loads(stdout)["exchange"]) == (0, "files")
    assert stderr.startswith("warning: mpi4py finds no MPI (")
    assert stderr.endswith("): ranks exchange through files")
    assert stderr.count("\n") == 0


def test_each_rank_a_world_of_its_own(jobs: JobFolder, start: Start) -> None:
    """As where srun speaks no language that this MPI understands."""
    through_files = bytes_of(jobs, CASES["kmean euclidean"], 2, 1)
    job_file = job_of(jobs, CASES["kmean euclidean"])
    ranks = [start(job_file, 1, SLURM_PROCID=str(rank), SLURM_NTASKS="2") for rank in range(2)]
    said = [rank.communicate(timeout=100) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0]
    warning = "warning: MPI connects 1 of 2 ranks (see srun's --mpi): ranks exchange through files\n"
    assert [stderr for _, stderr in said] == [warning, ""]
    assert json.loads(said[0][0])["exchange"] == "files"
    assert results(jobs) == through_files


def test_fewer_signals_than_ranks(jobs: JobFolder, start: Start) -> None:
    source = jobs.input("a;b;c\n1;2;9\n2;2;8\n3;1;7\n5;0;9\n")
    found = set()
    for ranks in (1, 8):
        code, _, stderr = run(start, jobs.job_file(source, {"kmean": {"centroid": "dba"}}), ranks)
        assert (code, stderr) == (0, "")
        found.add(results(jobs)["KMean_cluster.csv"])
    assert len(found) == 1


@pytest.mark.parametrize("services", [EUCLIDEAN, {"min_max": {}}])
def test_bad_input_of_all_ranks_is_one_line_and_once_mended_all_is_well(
    jobs: JobFolder, start: Start, services: dict[str, Any]
) -> None:
    job_file = jobs.job_file(jobs.input("a;b\n1;x\n2;3\n"), services)
    for _ in range(2):
        code, stdout, stderr = run(start, job_file, 3)
        assert (code, stdout) == (2, "")
        assert stderr == "input.csv: row 2, column 2 ('b'): expected a finite number, found 'x'"
    assert not (jobs.output / "outputs.json").exists()
    jobs.input("a;b\n1;1\n2;3\n")
    code, _, stderr = run(start, job_file, 3, "/bin/bash", "-c", '"$@"; exit "$?"', "bash")
    assert (code, stderr) == (0, "")


def test_bad_input_of_one_rank_ends_those_that_wait(jobs: JobFolder, start: Start) -> None:
    """knn: only the last rank reads the bad file, while the others are long waiting inside MPI."""
    source, services, places = CASES["knn euclidean"]
    folder = jobs.root / "inference"
    folder.mkdir()
    for file in Path(places["inference_dir"]).glob("*.csv"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "zzz.csv").write_text("x\n1\ntwo\n")
    code, stdout, stderr = run(
        start, jobs.job_file(source, services, **(places | {"inference_dir": str(folder)})), 3
    )
    assert (code, stdout) == (2, "")
    assert stderr == "zzz.csv: row 3, column 1 ('x'): expected a finite number, found 'two'"
    assert not (jobs.published / "KNN").exists()


def test_an_exception_in_one_rank_ends_those_that_wait(jobs: JobFolder, start: Start, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nfrom hpc_kernels.jobs import classification\n"
        "if os.environ.get('PMI_RANK') == '1':\n    classification._query = lambda *_: 1 / 0\n"
    )
    code, stdout, stderr = run(start, job_of(jobs, CASES["knn euclidean"]), 3, PYTHONPATH=str(tmp_path))
    assert (code, stdout) == (1, "")
    assert stderr.startswith("Traceback")
    assert stderr.endswith("ZeroDivisionError: division by zero")
    assert stderr.count("Traceback") == 1
    assert not (jobs.published / "KNN").exists()


def test_ranks_that_compute_on_are_killed_when_one_has_failed(
    jobs: JobFolder, start: Start, tmp_path: Path
) -> None:
    """Their first step takes longer than a failed rank waits for them."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nfrom hpc_kernels.jobs import clustering\n"
        "if os.environ.get('PMI_RANK') == '1':\n    clustering._fitted = lambda *_: 1 / 0\n"
    )
    source = jobs.root / "wide.npy"
    np.save(source, np.random.default_rng(0).standard_normal((4000, 3000)))
    began = time.monotonic()
    code, stdout, stderr = run(start, jobs.job_file(source, FAR), 3, PYTHONPATH=str(tmp_path))
    assert 2 < time.monotonic() - began < 30
    assert (code, stdout) == (1, "")
    assert stderr.startswith("Traceback")
    assert stderr.endswith("ZeroDivisionError: division by zero")
    assert not (jobs.published / "KMean").exists()


@pytest.mark.parametrize("victim", ["0", "2"])
def test_a_killed_rank_ends_the_job(jobs: JobFolder, start: Start, victim: str) -> None:
    rows = [";".join(str((i * j * 7919) % 1009 / 7) for i in range(1, 241)) for j in range(1, 2001)]
    names = ";".join(f"s{i}" for i in range(240))
    process = start(jobs.job_file(jobs.input("\n".join([names, *rows, ""])), FAR), 3)
    ranks: dict[str, psutil.Process] = {}
    deadline = time.monotonic() + 60
    while len(ranks) < 3 or not all("libmpi" in maps(rank) for rank in ranks.values()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        ranks = ranks_of(process)
        time.sleep(0.1)
    time.sleep(2)
    ranks[victim].send_signal(signal.SIGKILL)
    killed = time.monotonic()
    stdout, _ = process.communicate(timeout=30)
    assert time.monotonic() - killed < 10
    assert process.returncode != 0
    assert "signal 9" in stdout
    assert not (jobs.published / "KMean").exists()
    assert not (jobs.output / "outputs.json").exists()
    assert not any(rank.is_running() and rank.status() != psutil.STATUS_ZOMBIE for rank in ranks.values())


def ranks_of(process: "subprocess.Popen[str]") -> dict[str, psutil.Process]:
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error, KeyError):  # it has just begun or ended
            if "hpc_kernels" in child.cmdline():
                found[child.environ()["PMI_RANK"]] = child
    return found


def maps(process: psutil.Process) -> str:
    return Path(f"/proc/{process.pid}/maps").read_text()
