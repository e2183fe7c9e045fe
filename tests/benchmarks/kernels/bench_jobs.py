"""Benchmark of whole jobs of 100 MB, CSV in and out, beside a short script with Polars: A B A B, medians.

Fresh processes, warm caches. `--ours` and `--peers` name the Pythons of the two sides, as each has
its own environment: the packages of a compute node, and those of a user (Polars, SciPy, PyWavelets,
scikit-learn, aeon). Wall-clock and processor seconds of each.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

READ = """import sys
import numpy as np
import polars as pl
source, target, more = sys.argv[1:]
frame = pl.read_csv(source, separator=";")
x = frame.to_numpy().T
"""
WRITE = """
pl.from_numpy(out.T, schema=frame.columns).write_csv(target, separator=";")
"""
SCRIPTS = {
    "kalman": """
import scipy.signal
p, u, out, t = 1.0, x[:, 0].copy(), np.empty_like(x), 0
while True:
    gain = p / (p + 10.0)
    u += gain * (x[:, t] - u)
    out[:, t] = u
    t += 1
    following = (1 - gain) * p + 0.01
    if abs(following - p) < 1e-16:
        break
    p = following
out[:, t:], _ = scipy.signal.lfilter([gain], [1, gain - 1], x[:, t:], axis=1, zi=((1 - gain) * u)[:, None])
""",
    "fft": """
import scipy.fft
out = np.abs(scipy.fft.fft(x, axis=1))
""",
    "min_max": """
from sklearn.preprocessing import minmax_scale
out = minmax_scale(x, axis=1)
""",
    "savitzky_golay": """
from scipy.signal import savgol_filter
out = savgol_filter(x, 11, 3, mode="nearest")
""",
    "wavelet": """
import pywt
out = np.empty_like(x)
for i, signal in enumerate(x):
    first, *details = pywt.wavedec(signal, "db4")
    limit = np.median(np.abs(details[-1])) / 0.6745 * np.sqrt(2 * np.log(len(signal)))
    details = [pywt.threshold(detail, limit, "soft") for detail in details]
    out[i] = pywt.waverec([first, *details], "db4")[: len(signal)]
""",
    "black_scholes": """
from scipy.special import ndtr
v = np.log(x[:, 1:] / x[:, :-1]).std(axis=1, ddof=1) * np.sqrt(252)
s, years, rate, columns = x[:, -1], 1.6, 0.01575, []
for strike, sign in ((2400, 1), (2300, -1)):
    d1 = (np.log(s / strike) + (rate + v * v / 2) * years) / (v * np.sqrt(years))
    delta = sign * ndtr(sign * d1)
    bond = strike * np.exp(-rate * years) * ndtr(sign * (d1 - v * np.sqrt(years)))
    density = np.exp(-d1 * d1 / 2) / np.sqrt(2 * np.pi)
    theta = -s * density * v / (2 * np.sqrt(years)) - sign * rate * bond
    columns.append([s * delta - sign * bond, delta, density / (s * v * np.sqrt(years)),
                    0.01 * s * density * np.sqrt(years), 0.01 * theta, 0.01 * sign * years * bond])
out = np.array(columns).transpose(2, 1, 0).reshape(len(x), 12)
""",
    "kmean": """
from aeon.clustering import TimeSeriesKMeans
model = TimeSeriesKMeans(2, init=x[:2, None], distance="dtw", averaging_method="mean", max_iter=10, n_init=1,
                         distance_params={"window": 0.05}, n_jobs=int(more))
out = model.fit_predict(x[:, None])
pl.DataFrame({"timeseries": frame.columns, "labels": out}).write_csv(target, separator=";")
""",
    "knn": """
from pathlib import Path
from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
labels = pl.read_csv(source + ".labels", separator=";")["labels"].to_numpy()
files = sorted(Path(source + ".queries").glob("*.csv"))
queries = np.array([pl.read_csv(file).to_numpy()[:, 0] for file in files])
model = KNeighborsTimeSeriesClassifier(n_neighbors=7, distance="dtw", distance_params={"window": 0.05},
                                       n_jobs=int(more))
out = model.fit(x[:, None], labels).predict(queries[:, None])
pl.DataFrame({"timeseries": [file.name for file in files], "label": out}).write_csv(target, separator=";")
""",
}  # the window of aeon is a share of the length: 0.05 of 200 is our band of 10
WARPED = {"kmean": {"band": 10, "init": "first"}, "knn": {"band": 10}}
QUERIES = 50


def write_table(path: Path, samples: int, signals: int) -> None:
    """Write random walks row by row: the peak memory of a child starts at that of its parent."""
    draw, prices = np.random.default_rng(0), np.full(signals, 2500.0)
    with path.open("w") as file:
        print(*(f"s{i}" for i in range(signals)), sep=";", file=file)
        for _ in range(samples):
            prices += draw.standard_normal(signals) / 10
            print(*prices.tolist(), sep=";", file=file)


def write_queries(path: Path, samples: int, signals: int) -> None:
    path.with_suffix(".csv.labels").write_text(
        "\n".join(["timeseries;labels", *(f"s{i};{i % 2}" for i in range(signals))]) + "\n"
    )
    folder = path.with_suffix(".csv.queries")
    folder.mkdir()
    for i, walk in enumerate(np.random.default_rng(1).standard_normal((QUERIES, samples)).cumsum(axis=1)):
        (folder / f"q{i:02}.csv").write_text("\n".join(["q", *map(repr, (walk / 10 + 2500).tolist())]) + "\n")


def our_command(python: str, service: str, source: Path, threads: int) -> list[str]:
    job: dict[str, Any] = {
        "version": 1,
        "name": "bench",
        "services": {service: WARPED.get(service, {})},
        "input": str(source),
        "output_dir": str(source.parent / "ours"),
        "threads": threads,
    }
    if service == "knn":
        job |= {"labels": f"{source}.labels", "inference_dir": f"{source}.queries"}
    path = source.parent / "job.json"
    path.write_text(json.dumps(job))
    return [python, "-m", "hpc_kernels", "run", str(path)]


def peer_command(python: str, service: str, source: Path, threads: int) -> list[str]:
    script = READ + SCRIPTS[service] + ("" if service in WARPED else WRITE)
    return [python, "-c", script, str(source), str(source.parent / "theirs.csv"), str(threads)]


def measured(command: list[str], threads: int) -> tuple[float, float, float]:
    """Return wall-clock seconds, processor seconds and peak MB of one process."""
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = dict(os.environ) | dict.fromkeys(names, str(threads))
    os.sync()  # a run does not wait for the flush of the run before
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - begin, _cpu(used), used.ru_maxrss / 1024


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def compare(service: str, source: Path, given: argparse.Namespace) -> None:
    commands = (
        our_command(given.ours, service, source, given.threads),
        peer_command(given.peers, service, source, given.threads),
    )
    sides: list[tuple[list[str], list[tuple[float, float, float]]]] = [(command, []) for command in commands]
    for round_ in range(given.repeats + 1):
        for command, found in sides:
            figures = measured(command, given.threads)
            if round_:  # the first warms the caches
                found.append(figures)
    ours, theirs = ([statistics.median(column) for column in zip(*found, strict=True)] for _, found in sides)
    ratios = f"{theirs[0] / ours[0]:.2f} | {theirs[1] / ours[1]:.2f}"
    walls = f"{ours[0]:.2f} | {theirs[0]:.2f} | {ours[1]:.2f} | {theirs[1]:.2f}"
    print(f"| {service} | {walls} | {ratios} | {ours[2]:.0f} | {theirs[2]:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", default=sys.executable)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("services", nargs="*", default=list(SCRIPTS))
    given = parser.parse_args()
    print("| service | ours s | theirs s | ours cpu s | theirs cpu s | ratio | cpu | ours MB | theirs MB |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        long, many = Path(name) / "long.csv", Path(name) / "many.csv"
        write_table(long, 113_000, 50)
        write_table(many, 200, 28_000)
        write_queries(many, 200, 28_000)
        for service in given.services or SCRIPTS:
            compare(service, many if service in WARPED else long, given)


if __name__ == "__main__":
    main()
