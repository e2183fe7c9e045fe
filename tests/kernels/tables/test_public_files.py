"""Public tables as their owners have them, against a careful reading of the same file by Polars."""

import numpy as np
import pytest

from hpc_kernels.errors import BadInputError
from tests.kernels.tables.public_tables import PUBLIC, UNDERSTOOD, read_carefully
from tests.kernels.tables.reading import read_table


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_read_as_polars_reads_it(name: str) -> None:
    names, signals, times = read_carefully(name)
    table = read_table(PUBLIC / f"{name}.csv", UNDERSTOOD[name][0])
    assert table.names == names
    assert np.allclose(table.columns, signals, rtol=1e-15, atol=0)
    assert table.times == times


def test_a_table_between_blanks_without_a_header() -> None:
    table = read_table(PUBLIC / "e6_jmulti.csv", {})
    expected = np.array([line.split() for line in (PUBLIC / "e6_jmulti.csv").read_text().splitlines()], float)
    assert table.names == ["1", "2"]
    assert np.array_equal(table.columns, expected.T)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stocks_long", r"the table is long.*pivot\(index='Date', columns='Ticker'"),
        ("co2", "row 8, column 2 .*params.table.missing"),
        ("sf_temps", "column 2 .*params.table.time_column"),
        ("seattle_weather", "column 6 .*weather"),
    ],
)
def test_refused_with_the_option_that_helps(name: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_table(PUBLIC / f"{name}.csv")


def test_prices_of_six_assets() -> None:
    table = read_table(PUBLIC / "prices_of_six.csv", None, "asset_pairs")
    assert table.names == ["GOOG", "AAPL", "AMZN", "FB", "NFLX", "MSFT"]
    assert [prices[0] for prices in table.columns] == [1.0] * 6
    assert table.last_dates == ["2019-02-18"] * 6
