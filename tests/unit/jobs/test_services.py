import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.jobs.services import (
    RESULT_FILES,
    SERVICES,
    check_options,
    check_services,
    option_schema,
    option_schemas,
)
from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.options import resolve_options, schema_document

ROOT = Path(__file__).parents[3]


def values_of(option: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return what an option may be."""
    if "anyOf" in option:
        return st.one_of([values_of(each) for each in option["anyOf"]])
    if "enum" in option:
        return st.sampled_from(option["enum"])
    if option["type"] == "string":
        return st.dates().map(str)
    if option["type"] == "integer":
        return st.integers(option["minimum"], option["maximum"])
    least, excluded = option.get("minimum"), option.get("exclusiveMinimum")
    lowest = excluded if least is None else least
    return st.floats(lowest, option["maximum"], exclude_min=least is None)


VALUES = {
    service: {name: values_of(option) for name, option in schema["properties"].items()}
    for service, schema in option_schemas().items()
}


def test_the_order_is_the_contracts() -> None:
    assert (
        *("kalman", "fft", "min_max", "savitzky_golay"),
        *("black_scholes", "wavelet", "kmean", "knn"),
    ) == SERVICES
    assert set(RESULT_FILES) == set(SERVICES)


def test_our_copy_of_the_options_is_what_the_kernels_export() -> None:
    copy = json.loads((ROOT / "gateway" / "jobs" / "kernel_options.json").read_text(encoding="utf-8"))
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
        ("knn", {"band": 2**64}),
        ("savitzky_golay", {"delta": 1e200}),
        ("black_scholes", {"expiry_date": "2030-01-01", "years_until_expiry": 1}),
        ("kalman", []),
        ("kalman", False),
    ],
)
def test_a_bad_option_is_refused_in_the_kernels_own_words(service: str, options: object) -> None:
    with pytest.raises(Invalid) as ours:
        check_options(service, options)
    with pytest.raises(BadInputError) as theirs:
        resolve_options(service, options)  # type: ignore[arg-type]  # one of the cases is no object
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("service", SERVICES)
@given(data=st.data())
def test_what_is_accepted_here_is_accepted_on_the_node(service: str, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(VALUES[service])), unique=True))
    options = {name: data.draw(VALUES[service][name], label=name) for name in names}
    try:
        understood = check_options(service, options)
    except Invalid:
        return
    defaults = {name: option.get("default") for name, option in option_schema(service)["properties"].items()}
    chosen = {name: value for name, value in options.items() if value != defaults[name]}
    assert resolve_options(service, understood) == resolve_options(service, chosen) == understood


def test_a_default_that_must_fit_the_data_is_left_to_the_kernel() -> None:
    assert "k_nearest_neighbor" not in check_options("knn", {})
    assert check_options("knn", {"k_nearest_neighbor": 3})["k_nearest_neighbor"] == 3
