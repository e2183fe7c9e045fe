"""Results as frames and arrays, and frames and arrays as input."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from hpc_gateway_client import GatewayClientError, Result
from hpc_gateway_client.sources import input_file
from tests.kernels.tables.reading import read_table

TEXT = 'time;"a;1";=b;\n2026-01-01;1;0.5;\n2026-01-02;2.5;1e3;\n'
COLUMNS: dict[str, list[Any]] = {
    "time": ["2026-01-01", "2026-01-02"],
    "a;1": [1.0, 2.5],
    "=b": [0.5, 1000.0],
}
NUMBERS = np.array([[1.0, 0.5], [2.5, 1000.0]])


def _csv(file: Path) -> None:
    file.write_text(TEXT)


def _arrow(file: Path) -> None:
    pl.DataFrame(COLUMNS).write_ipc(file)


def _parquet(file: Path) -> None:
    pl.DataFrame(COLUMNS).write_parquet(file)


@pytest.mark.parametrize(
    ("name", "write"),
    [("r.csv", _csv), ("r.arrow", _arrow), ("r.PARQUET", _parquet)],
    ids=["csv", "arrow", "parquet"],
)
def test_a_table_with_times(name: str, write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / name)
    result = Result(tmp_path / name)
    assert result.to_polars().to_dict(as_series=False) == COLUMNS
    assert result.to_pandas().to_dict("list") == COLUMNS
    assert np.array_equal(result.numpy(), NUMBERS)


def test_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", NUMBERS)
    result = Result(tmp_path / "r.npy")
    assert np.array_equal(result.numpy(), NUMBERS)
    expected = {"signal_0": [1.0, 2.5], "signal_1": [0.5, 1000.0]}
    assert result.to_polars().to_dict(as_series=False) == result.to_pandas().to_dict("list") == expected


def test_labels_infinities_and_names_over_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("timeseries;labels\na;0\nb;1\n")
    assert Result(file).to_polars().rows() == [("a", 0), ("b", 1)]
    assert Result(file).numpy().tolist() == [[0.0], [1.0]]
    file.write_bytes(b'"a\nb";\xff;\ninf;nan;\n1;2;\n')
    assert Result(file).numpy().tolist()[1] == [1.0, 2.0]
    assert Result(file).to_pandas().shape == Result(file).to_polars().shape == (2, 2)


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Result(tmp_path / "r.npy").numpy()


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(GatewayClientError, match=r"r\.txt: expected a result that ends with \.csv, "):
        Result("r.txt")


@pytest.mark.parametrize("extra", ["polars", "pandas", "numpy"])
def test_a_missing_package_is_named_with_its_extra(
    extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, extra, None)
    result = Result(tmp_path / "r.csv")
    read = {"polars": result.to_polars, "pandas": result.to_pandas, "numpy": result.numpy}[extra]
    with pytest.raises(GatewayClientError, match=rf"the extra `{extra}` of the client: .*client\[{extra}\]"):
        read()


def test_a_downloaded_result_goes_away_with_its_last_use() -> None:
    result = Result.in_temporary_folder("r.csv")
    file = result.path
    file.write_text(TEXT)
    assert result.to_polars().height == 2
    del result
    assert not file.parent.exists()


DAYS = pd.to_datetime(["2026-01-01", "2026-01-02"])
INPUTS: dict[str, tuple[Any, dict[str, list[float]]]] = {
    "array": (NUMBERS, {"signal_0": [1.0, 2.5], "signal_1": [0.5, 1000.0]}),
    "row": (np.array([1, 2, 3]), {"signal_0": [1, 2, 3]}),
    "polars": (pl.DataFrame({"a b": [0.1, 2.5], "c": [1, 2]}), {"a b": [0.1, 2.5], "c": [1, 2]}),
    "polars series": (pl.Series("s", [0.1, 2.5]), {"s": [0.1, 2.5]}),
    "pandas": (
        pd.DataFrame({"a,b": [0.1, 2.5], "c": [1, 2]}, index=[7, 9]),
        {"a,b": [0.1, 2.5], "c": [1, 2]},
    ),
    "pandas with times": (pd.DataFrame({"a": [0.1, 2.5]}, index=DAYS), {"a": [0.1, 2.5]}),
    "pandas series": (pd.Series([0.1, 2.5], name="s"), {"s": [0.1, 2.5]}),
}


@pytest.mark.parametrize("name", INPUTS)
def test_the_kernels_read_an_input_of_this_process(name: str) -> None:
    data, expected = INPUTS[name]
    with input_file(data) as (file, write):
        write()
        table = read_table(file, {})
        assert dict(zip(table.names, table.columns, strict=True)) == expected
        assert bool(table.times) == ("times" in name)
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1, 2], "found builtins.list"),
        (pl.LazyFrame({"a": [1]}), "LazyFrame; call its collect"),
        (np.zeros((1, 1, 1)), "found float64 of shape"),
        (np.array(["a"]), "of real numbers .*found <U1"),
        (np.array([1j]), "found complex128"),
        (np.zeros((0, 2)), "of shape .0, 2."),
    ],
    ids=["list", "lazy", "three axes", "text", "complex", "none"],
)
def test_another_input_is_refused(data: Any, words: str) -> None:
    with pytest.raises(GatewayClientError, match=words), input_file(data) as (_, write):
        write()
