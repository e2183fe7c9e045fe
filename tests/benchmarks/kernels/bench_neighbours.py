"""Benchmark of nearest neighbours and k-means under dynamic time warping, before and now by turns.

``python -m tests.benchmarks.kernels.bench_neighbours PYTHON [ARCHIVE]``: PYTHON is the interpreter of an
environment that holds the kernels to compare with, ARCHIVE a folder with data sets of the UCR archive as aeon
ships them (``aeon/datasets/data``). Without it, seeded signals of the same shapes take their place. Each side
is a process of its own, warm, with one thread, and tells processor time; both must give the same labels.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpc_kernels import kmean, knn

Signals = NDArray[np.floating]
Sets = tuple[Signals, Signals]
SETS = {"ItalyPowerDemand": (67, 1029, 24), "ArrowHead": (36, 175, 251)}
ROUNDS, ROUNDS_OF_LONG, LONG = 9, 3, 1000


def read_signals(path: Path) -> Signals:
    """Return the signals of a file of the archive, a line each with the class behind the last colon."""
    lines = path.read_text().split("@data", 1)[-1].splitlines()
    return np.array([line.rsplit(":", 1)[0].split(",") for line in lines if ":" in line], float)


def load(name: str, archive: str) -> Sets:
    if archive:
        train, test = (read_signals(Path(archive, name, f"{name}_{part}.ts")) for part in ("TRAIN", "TEST"))
        return train, test
    training, queries, samples = SETS[name]
    rng = np.random.default_rng(0)
    time_, count = np.linspace(0, 1, samples), training + queries
    centre, width = rng.uniform(0.3, 0.7, (2, count, 1, 4))
    peaks = rng.uniform(-1, 1, (count, 1, 4)) * np.exp(-(((time_[:, None] - centre) / width * 4) ** 2))
    x = peaks.sum(axis=2) + 0.05 * rng.standard_normal((count, samples))
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    return x[:training], x[training:]


def walks(count: int, samples: int) -> Sets:
    training, queries = np.random.default_rng(0).standard_normal((2, count, samples)).cumsum(axis=2)
    return training, queries


def cases(archive: str) -> dict[str, Any]:
    sets = {name: load(name, archive) for name in SETS}
    sets |= {"walks, 60": walks(60, 300), "walks, 200": walks(200, LONG)}
    found: dict[str, Any] = {}
    for name, (training, queries) in sets.items():
        shape = f"{len(training)} x {len(queries)} x {training.shape[1]}"
        for window, band in (("none", None), ("10 %", training.shape[1] // 10)):
            options: dict[str, Any] = {"k_nearest_neighbor": 1, "cost": "squared", "band": band}
            found[f"knn {name} | {shape} | {window}"] = training, list(queries), options
    found["kmean dtw, k = 2 | 200 x 200 | none"] = walks(200, 200)[0], None, {}
    return found


def labels(training: Signals, queries: list[Signals] | None, options: dict[str, Any]) -> Any:
    if queries is None:
        return kmean(training, init="first", max_iterations=5, epsilon_criteria=0).tolist()
    return knn(training, np.arange(len(training)), queries, **options).tolist()


def serve(archive: str) -> None:
    """Answer each line of standard input, the name of a case, with its milliseconds and labels."""
    known = cases(archive)
    for line in sys.stdin:
        begin = time.process_time()
        found = labels(*known[line.strip()])
        print(1e3 * (time.process_time() - begin), *found, flush=True)


def start(python: str, archive: str) -> subprocess.Popen[str]:
    command = [python, __file__, "serve", archive]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(side: subprocess.Popen[str], name: str) -> tuple[float, str]:
    assert side.stdin
    assert side.stdout
    side.stdin.write(name + "\n")
    side.stdin.flush()
    milliseconds, found = side.stdout.readline().split(" ", 1)
    return float(milliseconds), found


def main(python: str, archive: str = "") -> None:
    sides = [start(one, archive) for one in (python, sys.executable)]
    print("| what | shape | window | before | now | ratio |\n|---|---|---|---|---|---|")
    for name in cases(archive):
        rounds = ROUNDS_OF_LONG if f"x {LONG}" in name else ROUNDS
        pairs = [[ask(side, name) for side in sides] for _ in range(rounds + 1)][1:]
        assert all(before[1] == now[1] for before, now in pairs), name
        before, now = (statistics.median(side[0] for side in both) for both in zip(*pairs, strict=True))
        print(f"| {name} | {before:.1f} ms | {now:.1f} ms | {before / now:.1f} |", flush=True)
    for side in sides:
        side.communicate()


if __name__ == "__main__":
    serve(*sys.argv[2:]) if sys.argv[1:2] == ["serve"] else main(*sys.argv[1:])
