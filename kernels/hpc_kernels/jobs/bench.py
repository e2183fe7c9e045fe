"""Benchmark of the kernels on this machine: medians of the computation without reading and writing."""

import statistics
import time
from functools import partial
from typing import Any

import numpy as np

from hpc_kernels.arrays import Array, compute_in_blocks, run_in_blocks
from hpc_kernels.jobs.options import resolve_options
from hpc_kernels.jobs.registry import SERVICES, Service
from hpc_kernels.jobs.run import library_versions

_REPEATS = 5
_WARPED_SAMPLES = 500  # the time of DTW grows with the square of the length


def time_kernels(signals: int, samples: int, threads: int) -> dict[str, Any]:
    """Return the median seconds and the samples per second of each service on random walks."""
    walks = np.random.default_rng(0).standard_normal((signals, samples)).cumsum(axis=1) / 100 + 100
    return {
        "signals": signals,
        "samples": samples,
        "threads": threads,
        "versions": library_versions(),
        "services": {name: _timed(service, walks, threads) for name, service in SERVICES.items()},
    }


def _timed(service: Service, walks: Array, threads: int) -> dict[str, float]:
    used = walks if service.kind == "filtering" else walks[:, :_WARPED_SAMPLES].copy()
    run = partial(_call, service, used, threads)
    run()  # loads or compiles the code
    seconds = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds)
    return {"samples": used.shape[1], "median_s": median, "samples_per_s": used.size / median}


def _call(service: Service, x: Array, threads: int) -> None:
    function: Any = service.function()
    options = resolve_options(service.name, {})
    if service.kind == "filtering":
        out = np.empty((len(x), service.width(x.shape[1], options)))
        run_in_blocks(lambda block: function(x[block], out=out[block], **options), len(x), threads)
    elif service.kind == "clustering":
        function(x, parallel_map=lambda kernel, count: compute_in_blocks(kernel, count, threads))
    else:
        labels, half = np.arange(len(x)) % 2, (len(x) + 1) // 2
        k = min(7, half)
        queries = list(x[half:]) or list(x)
        compute_in_blocks(
            lambda block: function(x[:half], labels[:half], queries[block], k_nearest_neighbor=k),
            len(queries),
            threads,
        )
