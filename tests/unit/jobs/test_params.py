from pathlib import PurePosixPath
from typing import Any

import pytest

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.errors import Invalid
from gateway.jobs.folders import JobFolders
from gateway.jobs.params import JobParams, parse_params
from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.options import resolve_table

CLUSTER = Cluster(name="hpc", scheduler="local", home=PurePosixPath("/home/user"), max_cpus=2)
PLACES = owner_roots(CLUSTER, "local")
INPUT = {"read_input_data": "/Init_Data/x.csv"}


def test_defaults_never_make_a_request_fail() -> None:
    params, warnings = parse_params(INPUT, ["fft"], CLUSTER)
    assert params["num_mpi_procs"] == 2
    assert params["fft"] == {"spectrum": "full", "window": "none"}
    assert warnings == []


def test_what_an_old_client_sends_is_understood() -> None:
    old = {
        **INPUT,
        "icase": 1,
        "filter": {"fft": 1, "kalman": 0},
        "kalman": {"r": 10},
        "kmean": {"cluster_number": 2, "epsilon_criteria": 1e-5},
        "exe": "build/SERRANO",
        "input_data_double": "/Input_Data/Double_Data_Type/signalFilter",
    }
    _, warnings = parse_params(old, ["fft"], CLUSTER)
    assert warnings == []


def test_unknown_keys_are_ignored_and_listed() -> None:
    _, warnings = parse_params({**INPUT, "colour": 1}, ["fft"], CLUSTER)
    assert warnings == ["params.colour is not known and was ignored"]


def test_paths_are_joined_as_text_below_the_workspace() -> None:
    params, _ = parse_params(INPUT, ["fft"], CLUSTER)
    folders = JobFolders.of(params, PLACES)
    assert folders.input == PurePosixPath("/home/user/serrano/data/Init_Data/x.csv")
    assert folders.profile == PurePosixPath("/home/user/serrano/profile")


def test_asset_pairs_alone_change_the_layout() -> None:
    params, _ = parse_params({**INPUT, "inbestme_kernel": 1}, ["min_max"], CLUSTER)
    assert params["ideko_kernel"] == 0


def test_every_default_may_be_explicit() -> None:
    """Clients that are generated from the first generation's document send them all."""
    defaults = JobParams(**INPUT).model_dump() | {"kmean": None, "fft": {"spectrum": "full"}}
    single = CLUSTER.model_copy(update={"max_cpus": 1})
    explicit, warnings = parse_params(defaults, ["fft"], single)
    assert explicit == parse_params(INPUT, ["fft"], single)[0]
    assert (explicit["num_mpi_procs"], warnings) == (1, [])
    pairs = parse_params({**defaults, "inbestme_kernel": 1}, ["fft"], single)[0]
    assert pairs == parse_params({**INPUT, "inbestme_kernel": 1}, ["fft"], single)[0]


def test_a_day_of_expiry_needs_asset_pairs_and_takes_the_place_of_years() -> None:
    raw = {**INPUT, "black_scholes": {"expiry_date": "2030-01-01"}}
    params, _ = parse_params({**raw, "inbestme_kernel": 1}, ["black_scholes"], CLUSTER)
    assert params["black_scholes"]["expiry_date"] == "2030-01-01"
    assert "years_until_expiry" not in params["black_scholes"]
    with pytest.raises(Invalid, match="needs the dates of asset pairs, not a sensor table") as refused:
        parse_params(raw, ["black_scholes"], CLUSTER)
    assert refused.value.field == "params.black_scholes.expiry_date"


def test_options_of_nothing_are_the_defaults() -> None:
    params, _ = parse_params({**INPUT, "fft": None}, ["fft"], CLUSTER)
    assert params["fft"] == {"spectrum": "full", "window": "none"}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "params.read_input_data"),
        ({"read_input_data": 7}, "params.read_input_data"),
        ({**INPUT, "num_mpi_procs": 3}, r"params.num_mpi_procs.*allows 2"),
        ({**INPUT, "num_thread": 3}, r"params.num_thread.*allows 2"),
        ({**INPUT, "num_mpi_procs": 0}, "params.num_mpi_procs"),
        ({**INPUT, "num_numa": 1, "num_core_numa": 1, "num_thread": 2}, "allows 1"),
        ({**INPUT, "num_mpi_procs": "many"}, "params.num_mpi_procs"),
        ({**INPUT, "precision_scenario": 5}, "params.precision_scenario"),
        ({**INPUT, "perforation_stride": 0}, "params.perforation_stride"),
        ({**INPUT, "exe": "/bin/sh"}, "params.exe"),
        ({**INPUT, "root_dir": "/"}, "params.workspace"),
        ({**INPUT, "root_dir": "/etc"}, "params.workspace"),
        ({"read_input_data": "/../../../../etc/passwd"}, "params.read_input_data"),
        ({**INPUT, "profiling_workspace": "../../.."}, "params.profiling_workspace"),
        ({**INPUT, "fft": {"windov": "hann"}}, "params.fft has no option 'windov'"),
        ({**INPUT, "fft": {"window": "kaiser"}}, "params.fft.window must be one of"),
        ({**INPUT, "fft": {"sampling_rate": -1}}, "params.fft.sampling_rate"),
        ({**INPUT, "fft": [1]}, "params.fft must be an object"),
        ({**INPUT, "fft": []}, "params.fft must be an object"),
        ({**INPUT, "fft": ""}, "params.fft must be an object"),
        ({**INPUT, "fft": 0}, "params.fft must be an object"),
        ({**INPUT, "fft": False}, "params.fft must be an object"),
    ],
)
def test_what_cannot_be_honoured_is_refused_naming_the_key(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        JobFolders.of(parse_params(raw, ["fft"], CLUSTER)[0], PLACES)


def test_a_table_is_understood_with_its_defaults() -> None:
    params, warnings = parse_params({**INPUT, "table": {"missing": "drop"}}, ["fft"], CLUSTER)
    assert params["table"]["missing"] == "drop"
    assert params["table"]["header"] == "auto"
    assert warnings == []
    for absent in ({}, {"table": None}):
        assert "table" not in parse_params({**INPUT, **absent}, ["fft"], CLUSTER)[0]


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"header": "maybe"}, "params.table.header"),
        ({"colour": 1}, "params.table.colour"),
        ({"columns": ["a", "a"]}, "params.table.columns"),
        ({"columns": ["a"], "skip": ["a"]}, "params.table.skip"),
        ([], "params.table"),
    ],
)
def test_a_table_that_is_refused(table: object, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_params({**INPUT, "table": table}, ["fft"], CLUSTER)
    assert refused.value.field == field
    with pytest.raises(BadInputError) as theirs:
        resolve_table(table)  # type: ignore[arg-type]  # one of the cases is no object
    assert str(refused.value) == str(theirs.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "csv"),
        ({"csv_output": 0}, "npy"),
        ({"csv_output": 0, "output_format": "npy"}, "npy"),
        ({"csv_output": 1, "output_format": "parquet"}, "parquet"),
        ({"output_format": None}, "csv"),
    ],
)
def test_the_format_of_the_results(given: dict[str, Any], expected: str) -> None:
    assert parse_params({**INPUT, **given}, ["fft"], CLUSTER)[0]["output_format"] == expected


@pytest.mark.parametrize(
    ("given", "service"),
    [
        ({"output_format": "xlsx"}, "fft"),
        ({"csv_output": 0, "output_format": "csv"}, "fft"),
        ({"output_format": "npy"}, "kmean"),
        ({"output_format": "arrow"}, "knn"),
    ],
)
def test_a_format_that_is_refused(given: dict[str, Any], service: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_params({**INPUT, **given}, [service], CLUSTER)
    assert refused.value.field == "params.output_format"
