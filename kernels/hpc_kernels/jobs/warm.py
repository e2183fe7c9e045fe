"""Warm-up of the machine-code cache by a tiny job of every service and precision."""

import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hpc_kernels.jit.object_cache import cache_folder
from hpc_kernels.jobs.job_file import JOB_VERSION, Job
from hpc_kernels.jobs.options import Options, resolve_options
from hpc_kernels.jobs.registry import SERVICES
from hpc_kernels.jobs.run import run_job
from hpc_kernels.numerics.euclidean import pairwise_squares
from hpc_kernels.ranks.group import Ranks

_SIGNALS, _SAMPLES = 4, 64
_VARIANTS: dict[str, list[Options]] = {
    "black_scholes": [{}, {"volatility": "price_std"}],
    "kmean": [
        {"centroid": "dba"},
        {"metric": "euclidean"},
        {"metric": "euclidean", "cluster_number": _SIGNALS},  # more than three centroids use another function
    ],
    "knn": [{"k_nearest_neighbor": 1, "band": 5}, {"metric": "euclidean"}],  # bands have envelopes
}


def warm_cache() -> dict[str, Any]:
    """Run each service in double and in single precision; return the seconds each one took."""
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_input(folder)
        for service in SERVICES:
            begin = time.perf_counter()
            strides = (1, 2) if SERVICES[service].perforated else (1,)  # strided arrays are of another kind
            for options, scenario, stride in product(_VARIANTS.get(service, [{}]), (1, 4), strides):
                run_job(_job(folder, service, options, scenario, stride), Ranks(0, 1, folder / "parts"))
            if service == "kmean":
                pairwise_squares(np.zeros((1, 1)), slice(1))  # used for few long signals alone
            seconds[service] = round(time.perf_counter() - begin, 3)
    return {"cache": str(cache_folder()), "seconds": seconds}


def _write_input(folder: Path) -> None:
    names = [f"s{i}" for i in range(_SIGNALS)]
    rows = [";".join(f"{1 + i + t * 5 % 7 / 7!r}" for i in range(_SIGNALS)) for t in range(_SAMPLES)]
    (folder / "input.csv").write_text("\n".join([";".join(names), *rows]))
    (folder / "labels.csv").write_text("\n".join(["timeseries;labels", *(f"{name};0" for name in names)]))
    (folder / "inference").mkdir()
    (folder / "inference" / "query.csv").write_text("\n".join(["x", *map(str, range(_SAMPLES))]))


def _job(folder: Path, service: str, options: Options, scenario: int, stride: int) -> Job:
    return Job(
        version=JOB_VERSION,
        name="warm",
        services={service: resolve_options(service, options)},
        input=folder / "input.csv",
        output_dir=folder / "output",
        perforation_stride=stride,
        precision_scenario=scenario,
        inference_dir=folder / "inference",
        labels=folder / "labels.csv",
    )
