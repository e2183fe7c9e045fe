"""The `out` array of every filter: it receives the result, of the width in the registry, and nothing else."""

from typing import Any

import numpy as np
import pytest

from hpc_kernels.jobs.options import resolve_options
from hpc_kernels.jobs.registry import SERVICES

FILTERS = [service for service in SERVICES.values() if service.kind == "filtering"]
OPTIONS: dict[str, list[dict[str, Any]]] = {"fft": [{}, {"spectrum": "half"}], "wavelet": [{}, {"level": 2}]}
CASES = [
    pytest.param(service, options, id=f"{service.name} {options}")
    for service in FILTERS
    for options in OPTIONS.get(service.name, [{}])
]


@pytest.mark.parametrize(("service", "options"), CASES)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.filterwarnings("ignore:wavelet. no level")
def test_every_filter(service: Any, options: dict[str, Any], kind: Any) -> None:
    x = (np.random.default_rng(0).standard_normal((5, 60)) + 100).astype(kind)
    given = resolve_options(service.name, options)
    given.pop("sampling_rate", None)
    room = np.full((9, service.width(60, given)), np.nan, kind)
    out = room[2:7]
    assert service.function()(x, **given, out=out) is out
    assert np.array_equal(out, service.function()(x, **given))
    assert np.isnan(room[:2]).all()
    assert np.isnan(room[7:]).all()


@pytest.mark.parametrize("service", FILTERS, ids=lambda service: service.name)
@pytest.mark.parametrize(
    "out", [np.empty((2, 59)), np.empty((1, 60)), np.empty((2, 60), np.float32), np.empty((60, 2)).T]
)
def test_an_unfit_array_is_refused(service: Any, out: Any) -> None:
    with pytest.raises(ValueError, match="out must be contiguous, float64 and of shape"):
        service.function()(np.ones((2, 60)), out=out)
