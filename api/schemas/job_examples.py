"""Examples of `POST /job` for the OpenAPI document: one of each service."""

from typing import Any

from fastapi.openapi.models import Example

_TABLE = {"read_input_data": "/Init_Data/raw_data_input_fft/acceleration.csv"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "kalman": {"r": 5, "q": 0.02},
    "fft": {"window": "hann", "sampling_rate": 250},
    "min_max": {"low": -1, "high": 1},
    "savitzky_golay": {"window_length": 21, "polyorder": 3},
    "black_scholes": {"call_strike_price": 2400, "put_strike_price": 2300, "expiry_date": "2030-01-01"},
    "wavelet": {"wavelet": "db4", "mode": "soft"},
    "kmean": {"cluster_number": 3, "metric": "dtw"},
    "knn": {"k_nearest_neighbor": 3, "cluster_number": 3},
}
_MORE: dict[str, dict[str, Any]] = {
    "black_scholes": {"read_input_data": "/Init_Data/prices.csv", "inbestme_kernel": 1},
    "knn": {"inference_knn_path": "/Init_Data/inference_data_position/"},
}


def _example(services: list[str], params: dict[str, Any]) -> Example:
    value = {"services": services, "infrastructure": "demo", "params": params}
    return Example(summary=" and ".join(services), value=value)


JOB_EXAMPLES = {
    service: _example([service], _TABLE | _MORE.get(service, {}) | {service: options})
    for service, options in _OPTIONS.items()
} | {"several": _example(["savitzky_golay", "min_max", "fft"], _TABLE)}
