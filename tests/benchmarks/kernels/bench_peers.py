"""Benchmark of each kernel beside the usual library: medians, A B A B.

Outputs are allocated by both sides: from fresh pages, as in a job, or where glibc is told to keep them
(MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ above the sizes) from warm ones. One thread is told in
processor time, on which other work of the machine has the least influence; more (the first
argument) in wall-clock time, with peers on as many threads as they can use. Peers that are not installed
are left out.
"""

import importlib.util
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pywt
import scipy.fft
import scipy.signal
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.cluster import KMeans
from sklearn.preprocessing import minmax_scale
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from hpc_kernels import fft, kalman, kmean, knn, min_max, savitzky_golay, wavelet
from hpc_kernels.arrays import compute_in_blocks, run_in_blocks
from hpc_kernels.numerics import dtw
from hpc_kernels.ranks.exchange import FileExchange
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.ranks.parallel_map import ParallelMap
from hpc_kernels.services.black_scholes import option_figures

Run = Callable[[], Any]
Signals = NDArray[np.floating]


_QUIET_S = 0.005  # threads of the other side may still be spinning, in want of work
THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1
parallel_map = ParallelMap(FileExchange(Ranks(0, 1, Path())), THREADS)  # as in a job of one rank
clock = time.process_time if THREADS == 1 else time.perf_counter


def ms(run: Run) -> float:
    quiet = time.perf_counter() + _QUIET_S * (THREADS > 1)
    while time.perf_counter() < quiet:
        pass
    begin = clock()
    run()
    return 1e3 * (clock() - begin)


def row(name: str, ours: Run, peer_name: str, peer: Run, repeats: int = 7) -> None:
    pairs = [(ms(ours), ms(peer)) for _ in range(repeats + 1)][1:]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"| {name} | {peer_name} | {mine:.1f} ms | {theirs:.1f} ms | {theirs / mine:.1f} |", flush=True)


def shared(kernel: Callable[..., Signals], x: Signals, **options: Any) -> Run:
    """Call a kernel on blocks of signals, as a job's threads do."""

    def run() -> Signals:
        out = np.empty_like(x)
        run_in_blocks(lambda block: kernel(x[block], out=out[block], **options), len(x), THREADS)
        return out

    return run


def lfilter_kalman(x: Signals) -> Signals:
    """Run the recursion until the gain stands still, then let SciPy's filter go on from there."""
    p, u, out, t = 1.0, x[:, 0].copy(), np.empty_like(x), 0
    while True:
        gain = p / (p + 10.0)
        u += gain * (x[:, t] - u)
        out[:, t] = u
        t += 1
        following = (1 - gain) * p + 0.01
        if abs(following - p) < 1e-16 or t == x.shape[1]:
            break
        p = following
    state = ((1 - gain) * u)[:, np.newaxis]
    out[:, t:], _ = scipy.signal.lfilter([gain], [1, gain - 1], x[:, t:], axis=1, zi=state)
    return out


def pywt_denoised(x: Signals) -> Signals:
    out = np.empty_like(x)
    for i, signal in enumerate(x):
        first, *details = pywt.wavedec(signal, "db4", level=5)
        limit = np.median(np.abs(details[-1])) / 0.6745 * math.sqrt(2 * math.log(len(signal)))
        shrunk = [pywt.threshold(detail, limit, "soft") for detail in details]
        out[i] = pywt.waverec([first, *shrunk], "db4")[: len(signal)]
    return out


def ndtr_figures(  # noqa: PLR0917 (a formula has as many terms as it has)
    spot: Signals, sigma: Signals, years: float, call: float, put: float, rate: float
) -> Signals:
    out = np.empty((len(spot), 12))
    for start in range(0, len(spot), 1 << 14):
        s, v = spot[start : start + (1 << 14)], sigma[start : start + (1 << 14)]
        for side, (strike, sign) in enumerate(((call, 1.0), (put, -1.0))):
            block, root = out[start : start + (1 << 14), side::2], math.sqrt(years)
            d1 = (np.log(s / strike) + (rate + v * v / 2) * years) / (v * root)
            bond = strike * math.exp(-rate * years) * ndtr(sign * (d1 - v * root))
            density = np.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
            block[:, 1] = sign * ndtr(sign * d1)
            block[:, 0] = s * block[:, 1] - sign * bond
            block[:, 2] = density / (s * v * root)
            block[:, 3] = 0.01 * s * density * root
            block[:, 4] = 0.01 * (-s * density * v / (2 * root) - sign * rate * bond)
            block[:, 5] = 0.01 * sign * years * bond
    return out


def scipy_magnitudes(x: Signals) -> Signals:
    return np.abs(scipy.fft.fft(x, axis=1, workers=THREADS))


def filters() -> None:
    x = np.random.default_rng(0).standard_normal((64, 100_000)).cumsum(axis=1)
    row("kalman", shared(kalman, x), "exact transient + `lfilter`", lambda: lfilter_kalman(x))
    for name, signals in (("fft", x), ("fft, 16 x 99,991 (prime)", x[:16, :99_991].copy())):
        row(name, shared(fft, signals), "`abs(scipy.fft.fft)`", partial(scipy_magnitudes, signals))
    row("min_max", shared(min_max, x), "`minmax_scale`", lambda: minmax_scale(x, axis=1))
    for window in (11, 51):
        smooth = partial(scipy.signal.savgol_filter, x, window, 3, mode="nearest")
        ours = shared(savitzky_golay, x, window_length=window)
        row(f"savitzky_golay {window}", ours, "`savgol_filter`", smooth)
    row("wavelet db4, level 5", shared(wavelet, x, level=5), "PyWavelets by row", lambda: pywt_denoised(x))


def options() -> None:
    rng, count = np.random.default_rng(0), 10**6
    spot, sigma, years = rng.uniform(1500, 3000, count), rng.uniform(0.1, 0.6, count), np.full(count, 1.6)
    terms = 2400.0, 2300.0, 0.01575

    def figures() -> Signals:
        out = np.empty((count, 12))
        run_in_blocks(lambda b: option_figures(spot[b], sigma[b], years[b], *terms, out[b]), count, THREADS)
        return out

    row(
        "black_scholes, 1 M assets",
        figures,
        "blocked `ndtr`",
        lambda: ndtr_figures(spot, sigma, 1.6, *terms),
    )


def clusters() -> None:
    x = np.random.default_rng(0).standard_normal((5_000, 200)).cumsum(axis=1)
    many: dict[str, Any] = {"cluster_number": 8, "init": "first", "max_iterations": 20, "epsilon_criteria": 0}
    ours = partial(kmean, x, metric="euclidean", parallel_map=parallel_map, **many)
    peer = KMeans(8, init=x[:8], n_init=1, max_iter=20, tol=0, algorithm="lloyd")
    row("kmean euclidean, 5,000 x 200, k = 8", ours, "`KMeans` (Lloyd)", lambda: peer.fit(x))
    long = np.random.default_rng(0).standard_normal((64, 100_000)).cumsum(axis=1)
    ours = partial(kmean, long, metric="euclidean", parallel_map=parallel_map, **many)
    on_long = KMeans(8, init=long[:8], n_init=1, max_iter=20, tol=0, algorithm="lloyd")
    row("kmean euclidean, 64 x 100,000, k = 8", ours, "`KMeans` (Lloyd)", lambda: on_long.fit(long))
    if aeon := installed("aeon.clustering"):
        few = x[:200]
        ours = partial(
            kmean, few, init="first", max_iterations=5, epsilon_criteria=0, parallel_map=parallel_map
        )
        warped = aeon.TimeSeriesKMeans(
            2, init=few[:2, None], distance="dtw", averaging_method="mean", max_iter=5, tol=0, n_init=1,
            n_jobs=THREADS,
        )  # fmt: skip
        row("kmean dtw, 200 x 200, k = 2", ours, "aeon", lambda: warped.fit(few[:, None]))


def installed(name: str) -> Any:
    package, _, _ = name.partition(".")
    return importlib.import_module(name) if importlib.util.find_spec(package) else None


def times(count: int, function: Run) -> None:
    for _ in range(count):
        function()


def pairs() -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 1000)).cumsum(axis=1)
    for name, radius, window in (("full", -1, None), ("10 % band", 100, 101)):
        ours = partial(dtw.distance, x, y, radius=radius, squared=True)
        label = f"DTW {name}, 20 x 1,000 samples"
        if peer := installed("dtaidistance.dtw"):
            theirs = partial(peer.distance_fast, x, y, window=window)
            row(label, partial(times, 20, ours), "dtaidistance (C)", partial(times, 20, theirs))
        if peer := installed("aeon.distances"):
            theirs = partial(peer.dtw_distance, x, y, window=window and 0.1)
            row(label, partial(times, 20, ours), "aeon", partial(times, 20, theirs))


def classes() -> None:
    training, queries = np.random.default_rng(0).standard_normal((2, 60, 300)).cumsum(axis=2)
    both, labels = np.concatenate([training, queries]), np.arange(60)
    for name, band in (("full", None), ("10 % band", 30)):
        one: Any = partial(knn, training, labels, k_nearest_neighbor=1, cost="squared", band=band)
        label = f"knn {name}, 60 x 60 of 300"

        def ours(one: Any = one) -> Signals:
            return compute_in_blocks(lambda block: one(queries=list(queries[block])), len(queries), THREADS)

        if peer := installed("dtaidistance.dtw"):
            parallel = {"block": ((0, 60), (60, 120)), "parallel": THREADS > 1}
            theirs = partial(peer.distance_matrix_fast, both, window=band and band + 1, **parallel)
            row(label, ours, "dtaidistance matrix", theirs, repeats=3)
        if peer := installed("aeon.classification.distance_based"):
            window = {"window": 0.1} if band else None
            model = peer.KNeighborsTimeSeriesClassifier(
                n_neighbors=1, distance="dtw", distance_params=window, n_jobs=THREADS
            )
            model.fit(training[:, None], labels)
            row(label, ours, "aeon", partial(model.predict, queries[:, None]), repeats=3)


def main() -> None:
    warnings.simplefilter("ignore")
    print("| kernel | peer | ours | peer | ratio |\n|---|---|---|---|---|")
    with threadpool_limits(THREADS):
        for measure in (filters, options, clusters, pairs, classes):
            measure()


if __name__ == "__main__":
    main()
