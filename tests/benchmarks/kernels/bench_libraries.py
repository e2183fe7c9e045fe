"""Benchmark of libraries that read CSV or compute an FFT: medians on one thread."""

import importlib.util
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import ducc0
import numpy as np
import polars as pl
import scipy.fft

Timed = Callable[[], Any]


def median_ms(function: Timed, repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times)


def transforms(samples: int) -> dict[str, Timed]:
    x = np.random.default_rng(0).standard_normal((64, samples))
    out = np.empty((64, samples // 2 + 1), complex)
    groups = [slice(i, i + 4) for i in range(0, 64, 4)]
    return {
        "numpy.abs(scipy.fft.fft)": lambda: np.abs(scipy.fft.fft(x, axis=1)),
        "scipy.fft.rfft": lambda: scipy.fft.rfft(x, axis=1),
        "ducc0 r2c, all at once": lambda: ducc0.fft.r2c(x, axes=(1,), out=out),
        "ducc0 r2c, groups of 4": lambda: [ducc0.fft.r2c(x[g], axes=(1,), out=out[g]) for g in groups],
        "ducc0 r2c, one by one": lambda: [ducc0.fft.r2c(x[i], out=out[i]) for i in range(64)],
    }


def readers(rows: int, columns: int) -> dict[str, Timed]:
    values = np.random.default_rng(0).standard_normal((rows, columns))
    text = "\n".join(";".join(map(repr, row)) for row in values.tolist()).encode()
    print(f"\nCSV of {len(text) / 1e6:.0f} MB, {rows} x {columns}, 17 digits")
    found: dict[str, Timed] = {
        "polars": lambda: pl.read_csv(text, separator=";", has_header=False).to_numpy(),
        "numpy.loadtxt": lambda: np.loadtxt(io.BytesIO(text), delimiter=";"),
    }
    if importlib.util.find_spec("pandas"):
        pandas: Any = importlib.import_module("pandas")
        found["pandas"] = lambda: pandas.read_csv(io.BytesIO(text), sep=";", header=None).to_numpy()
    return found


def table(candidates: dict[str, Timed]) -> None:
    for name, function in candidates.items():
        function()
        print(f"{name:28} {median_ms(function):9.1f} ms")


def main() -> None:
    for samples in (5_750, 65_536, 100_000, 100_003):
        print(f"\n64 signals of {samples} samples")
        table(transforms(samples))
    table(readers(20_000, 50))


if __name__ == "__main__":
    main()
