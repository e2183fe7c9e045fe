import json
from pathlib import Path

import pytest

from gateway.errors import Invalid
from gateway.services import RESULT_FILES, SERVICES, check_options, check_services
from hpc_kernels.errors import BadInputError
from hpc_kernels.options import checked, schema_document

ROOT = Path(__file__).parents[2]


def test_the_order_is_the_contracts() -> None:
    assert (
        *("kalman", "fft", "min_max", "savitzky_golay"),
        *("black_scholes", "wavelet", "kmean", "knn"),
    ) == SERVICES
    assert set(RESULT_FILES) == set(SERVICES)


def test_our_copy_of_the_options_is_what_the_kernels_export() -> None:
    copy = json.loads((ROOT / "gateway" / "kernel_options.json").read_text(encoding="utf-8"))
    assert copy == schema_document()


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "at least one"),
        (["fourier"], "'fourier' is not a service"),
        (["fft", "fft"], "once"),
        (["fft", ""], "not a service"),
    ],
)
def test_a_bad_list_is_refused(services: list[str], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        check_services(services)


@pytest.mark.parametrize(
    ("service", "options"),
    [
        ("fft", {"window": "kaiser"}),
        ("fft", {"colour": 1, "shape": 2}),
        ("fft", [1]),
        ("fft", {"sampling_rate": 0}),
        ("kalman", {"r": 0}),
        ("savitzky_golay", {"window_length": 4}),
        ("savitzky_golay", {"window_length": 3, "polyorder": 3}),
        ("black_scholes", {"expiry_date": "soon"}),
        ("black_scholes", {"volatility": "high"}),
        ("wavelet", {"wavelet": "db99"}),
        ("kmean", {"cluster_number": 0}),
        ("knn", {"band": -1}),
    ],
)
def test_a_bad_option_is_refused_in_the_kernels_own_words(service: str, options: object) -> None:
    with pytest.raises(Invalid) as ours:
        check_options(service, options)
    with pytest.raises(BadInputError) as theirs:
        checked(service, options)  # type: ignore[arg-type]  # one of the cases is no object
    assert str(ours.value) == str(theirs.value)


def test_a_default_that_must_fit_the_data_is_left_to_the_kernel() -> None:
    assert "k_nearest_neighbor" not in check_options("knn", {})
    assert check_options("knn", {"k_nearest_neighbor": 3})["k_nearest_neighbor"] == 3
