"""Each kernel beside the library that a user would pick: processor time of one thread, medians.

Outputs are allocated by both sides. Processor time, so that what else runs on the machine
counts as little as can be; peers that are not installed are left out.
"""

import importlib.util
import math
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
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

from hpc_kernels import dtw, fft, kalman, kmean, knn, min_max, savitzky_golay, wavelet
from hpc_kernels.services.black_scholes import option_figures

Run = Callable[[], Any]
Signals = NDArray[np.float64]


def median_ms(run: Run, repeats: int = 5) -> float:
    run()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        run()
        times.append(time.process_time() - begin)
    return 1e3 * statistics.median(times)


def row(name: str, ours: Run, peer_name: str, peer: Run) -> None:
    mine, theirs = median_ms(ours), median_ms(peer)
    print(f"| {name} | {peer_name} | {mine:.1f} ms | {theirs:.1f} ms | {theirs / mine:.1f} x |")


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


def filters() -> None:
    x = np.random.default_rng(0).standard_normal((64, 100_000)).cumsum(axis=1)
    row("kalman", lambda: kalman(x), "exact transient + `lfilter`", lambda: lfilter_kalman(x))
    row("fft", lambda: fft(x), "`abs(scipy.fft.fft)`", lambda: np.abs(scipy.fft.fft(x, axis=1)))
    prime = x[:16, :99_991].copy()
    row("fft, 16 x 99,991", lambda: fft(prime), "the same", lambda: np.abs(scipy.fft.fft(prime, axis=1)))
    row("min_max", lambda: min_max(x), "`minmax_scale`", lambda: minmax_scale(x, axis=1))
    for window in (11, 51):
        smooth = partial(scipy.signal.savgol_filter, x, window, 3, mode="nearest")
        row(
            f"savitzky_golay {window}",
            partial(savitzky_golay, x, window_length=window),
            "`savgol_filter`",
            smooth,
        )
    row("wavelet db4, level 5", lambda: wavelet(x, level=5), "PyWavelets by row", lambda: pywt_denoised(x))


def options() -> None:
    rng = np.random.default_rng(0)
    spot, sigma, years = rng.uniform(1500, 3000, 10**6), rng.uniform(0.1, 0.6, 10**6), np.full(10**6, 1.6)
    terms = 2400.0, 2300.0, 0.01575
    row(
        "black_scholes, 1 M assets",
        lambda: option_figures(spot, sigma, years, *terms),
        "blocked `ndtr`",
        lambda: ndtr_figures(spot, sigma, 1.6, *terms),
    )


def clusters() -> None:
    x = np.random.default_rng(0).standard_normal((5_000, 200)).cumsum(axis=1)
    row(
        "kmean euclidean, k = 8",
        lambda: kmean(
            x, cluster_number=8, metric="euclidean", init="first", max_iterations=20, epsilon_criteria=0
        ),
        "`KMeans` (Lloyd)",
        lambda: KMeans(8, init=x[:8], n_init=1, max_iter=20, tol=0, algorithm="lloyd").fit(x),
    )


def times(count: int, function: Run) -> None:
    for _ in range(count):
        function()


def warped() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000)).cumsum(axis=1)
    training, queries = rng.standard_normal((2, 60, 300)).cumsum(axis=2)
    both = np.concatenate([training, queries])
    if not importlib.util.find_spec("dtaidistance"):
        return
    peer: Any = importlib.import_module("dtaidistance.dtw")
    for name, radius, window in (("full", -1, None), ("10 % band", 100, 101)):
        ours = partial(dtw.distance, x, y, radius, True, math.inf)  # noqa: FBT003
        theirs = partial(peer.distance_fast, x, y, window=window)
        label = f"DTW {name}, 20 x 1,000 samples"
        row(label, partial(times, 20, ours), "dtaidistance (C)", partial(times, 20, theirs))
    for name, band, window in (("full", None, None), ("10 % band", 30, 31)):
        classify = partial(
            knn, training, range(60), list(queries), k_nearest_neighbor=1, cost="squared", band=band
        )
        block = ((0, 60), (60, 120))
        theirs = partial(peer.distance_matrix_fast, both, window=window, block=block, parallel=False)
        row(f"knn {name}, 60 x 60 of 300", classify, "dtaidistance matrix", theirs)


def main() -> None:
    warnings.simplefilter("ignore")
    print("| kernel | peer | ours | peer | ratio |\n|---|---|---|---|---|")
    with threadpool_limits(1):
        filters()
        options()
        clusters()
        warped()


if __name__ == "__main__":
    main()
