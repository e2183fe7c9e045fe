"""The schema of the options: valid, complete, deterministic, and applied with readable errors."""

import json
import re
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.options import OPTION_SCHEMAS, resolve_options, schema_document
from hpc_kernels.jobs.registry import SERVICES as REGISTERED


def test_the_command_prints_the_document() -> None:
    command = [sys.executable, "-m", "hpc_kernels", "schema"]
    first = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(first.stdout) == schema_document()
    assert list(json.loads(first.stdout)["services"]) == list(REGISTERED)


@pytest.mark.parametrize("service", OPTION_SCHEMAS)
def test_every_schema_is_valid_and_closed(service: str) -> None:
    schema = OPTION_SCHEMAS[service]
    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    defaults = resolve_options(service, {})
    Draft202012Validator(schema).validate(defaults)
    for option in schema["properties"].values():
        assert option["description"]
        assert option["x-must-be"]


def test_defaults_and_types() -> None:
    assert resolve_options("min_max", {"low": -1}) == {"low": -1.0, "high": 1.0}
    assert resolve_options("fft", {"sampling_rate": 250}) == {
        "spectrum": "full",
        "window": "none",
        "sampling_rate": 250.0,
    }


def test_nan_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"params.min_max.low must not be nan"):
        resolve_options("min_max", {"low": float("nan")})


SENTENCES = [
    ("kalman", {"r": 0}, "params.kalman.r must be a number above 0, not 0"),
    ("kalman", {"q": -1}, "params.kalman.q must be a number of at least 0, not -1"),
    (
        "savitzky_golay",
        {"window_length": 4},
        "window_length must be an odd whole number above polyorder, not 4",
    ),
    (
        "savitzky_golay",
        {"window_length": 3},
        "window_length must be an odd whole number above polyorder, not 3",
    ),
    ("savitzky_golay", {"window_length": 5, "polyorder": 5}, "savitzky_golay.window_length must be an odd"),
    ("savitzky_golay", {"polyorder": 11}, "polyorder must be a whole number from 0 to 20 and below window"),
    ("savitzky_golay", {"polyorder": 1.5}, "params.savitzky_golay.polyorder must be a whole number"),
    (
        "savitzky_golay",
        {"delta": 0},
        "delta must be a number of at least 1e-15 and of at most 1e+15, not 0",
    ),
    ("savitzky_golay", {"mode": "reflect"}, "params.savitzky_golay.mode must be one of nearest, interp"),
    (
        "black_scholes",
        {"volatility": "x"},
        "volatility must be log_return, price_std or a number of at least 0",
    ),
    ("black_scholes", {"volatility": -0.1}, "params.black_scholes.volatility must be log_return"),
    (
        "black_scholes",
        {"expiry_date": "2024-02-30"},
        "expiry_date must be a date as YYYY-MM-DD, not '2024-02-30'",
    ),
    ("black_scholes", {"expiry_date": "20240228"}, "expiry_date must be a date as YYYY-MM-DD"),
    (
        "black_scholes",
        {"expiry_date": "2024-02-28", "years_until_expiry": 1},
        "years_until_expiry must be a number above 0, and left out where expiry_date is given, not 1",
    ),
    ("wavelet", {"wavelet": "db39"}, "params.wavelet.wavelet must be the name of a discrete wavelet"),
    ("wavelet", {"level": -1}, "params.wavelet.level must be a whole number from 0 to 64, not -1"),
    (
        "wavelet",
        {"threshold": "sure"},
        "params.wavelet.threshold must be universal or a number of at least 0",
    ),
]


@pytest.mark.parametrize(("service", "options", "message"), SENTENCES)
def test_an_error_is_one_sentence(service: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(message)):
        resolve_options(service, options)


@pytest.mark.parametrize(("window_length", "polyorder"), [(1, 0), (3, 2), (5, 4), (7, 5), (21, 20), (21, 19)])
def test_every_order_below_the_window_is_fine(window_length: int, polyorder: int) -> None:
    resolve_options("savitzky_golay", {"window_length": window_length, "polyorder": polyorder})
