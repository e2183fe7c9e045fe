"""Black-Scholes against the closed forms, and jobs on asset pairs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from hpc_kernels import black_scholes
from hpc_kernels.numerics.volatility import spots_and_volatilities
from hpc_kernels.services.black_scholes import FIGURES, option_figures, years_until
from hpc_kernels.tables.asset_pairs import read_asset_pairs
from hpc_kernels.tables.csv.text import TableText
from tests.kernels import naive
from tests.kernels.conftest import DATA
from tests.kernels.job_folder import JobFolder

PRICES = DATA / "asset_prices.csv"
FILE = "CSVFormate/BlackScholes_output.csv"


def test_the_order_of_the_figures() -> None:
    assert FIGURES[:4] == ("call price", "put price", "call delta", "put delta")
    assert FIGURES[-2:] == ("call rho", "put rho")


@given(
    st.floats(0.1, 1e4),
    st.floats(0.01, 3),
    st.floats(0.01, 10),
    st.tuples(st.floats(0.1, 1e4), st.floats(0.1, 1e4)),
    st.floats(-0.1, 0.2),
)
def test_against_the_closed_form(
    spot: float, sigma: float, years: float, strikes: tuple[float, float], rate: float
) -> None:
    call, put = strikes
    got = black_scholes(
        [spot],
        call_strike_price=call,
        put_strike_price=put,
        risk_free_return=rate,
        years_until_expiry=years,
        volatility=sigma,
    )[0]
    expected = naive.black_scholes(spot, sigma, years, [call, put], rate)
    scale = max(spot, call, put, 1.0)
    assert got == pytest.approx(expected, rel=1e-10, abs=1e-10 * scale)


def test_ordinary_and_odd_assets_side_by_side_are_as_alone() -> None:
    spot = np.random.default_rng(0).uniform(1e3, 3e3, 700)
    spot[[5, 300, 699]] = 1e-300, 1e300, np.nan
    sigma = np.random.default_rng(1).uniform(0.1, 0.6, 700)
    sigma[[7, 256, 698]] = 0.0, 1e-200, 1e200
    terms = 2400.0, 2300.0, 0.01575
    together = option_figures(spot, sigma, np.full(700, 1.6), *terms)
    alone = [option_figures(spot[[i]], sigma[[i]], np.full(1, 1.6), *terms)[0] for i in range(700)]
    assert np.array_equal(together, np.array(alone), equal_nan=True)
    for i in (5, 300):
        expected = naive.black_scholes(spot[i], sigma[i], 1.6, [2400.0, 2300.0], 0.01575)
        assert together[i] == pytest.approx(expected, rel=1e-10, abs=1e-10 * max(spot[i], 2400))
    assert np.isnan(together[699]).all()


@pytest.mark.parametrize("strikes", [(2400.0, 1e-90), (1e90, 2300.0), (1e-200, 1e200), (1e150, 1e150)])
@pytest.mark.parametrize("rate", [0.01575, 300.0, -300.0])
def test_strikes_and_rates_far_from_any_market(strikes: tuple[float, float], rate: float) -> None:
    spot, sigma = np.array([1e-90, 0.5, 2350.0, 1e90]), np.full(4, 0.3)
    got = option_figures(spot, sigma, np.full(4, 1.6), *strikes, rate)
    for i in range(4):
        expected = naive.black_scholes(spot[i], 0.3, 1.6, list(strikes), rate)
        assert got[i] == pytest.approx(expected, rel=1e-10, abs=1e-10 * max(spot[i], *strikes), nan_ok=True)


@pytest.mark.parametrize("rate", [0.01575, 50.0, -50.0])
def test_a_unit_of_money_changes_no_digit(rate: float) -> None:
    spot, sigma, years, unit = np.array([0.5, 2350.0, 1e40]), np.full(3, 0.3), np.full(3, 1.6), 2.0**800
    plain = option_figures(spot, sigma, years, 2400.0, 2300.0, rate)
    large = option_figures(spot * unit, sigma, years, 2400.0 * unit, 2300.0 * unit, rate)
    assert np.array_equal(large[:, :4], plain[:, :4] * [unit, unit, 1, 1])


def test_real_prices_against_scipy() -> None:
    pairs = read_asset_pairs(TableText(PRICES), range)
    got = black_scholes(pairs.prices, call_strike_price=500, put_strike_price=450)
    spot = pairs.prices[:, -1]
    sigma = np.std(np.diff(np.log(pairs.prices), axis=1), axis=1, ddof=1) * np.sqrt(252)
    for strike, side in ((500, 0), (450, 1)):
        sign = 1 - 2 * side
        d1 = (np.log(spot / strike) + (0.01575 + sigma**2 / 2) * 1.6) / (sigma * np.sqrt(1.6))
        bond = strike * np.exp(-0.01575 * 1.6)
        price = sign * (spot * ndtr(sign * d1) - bond * ndtr(sign * (d1 - sigma * np.sqrt(1.6))))
        assert (np.abs(got[:, side] - price) <= 1e-10 * spot).all()
        assert (np.abs(got[:, 2 + side] - sign * ndtr(sign * d1)) <= 1e-10).all()


@pytest.mark.parametrize("days", [3, 4, 511, 512, 513, 514, 1025, 3000])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_volatilities_of_any_length(days: int, kind: type) -> None:
    walks = np.random.default_rng(days).normal(0, 0.02, (3, days)).cumsum(axis=1)
    prices = (np.exp(walks) * [[1.0], [2400.0], [1e-30]]).astype(kind)
    used = prices.astype(np.float64)
    _, returns = spots_and_volatilities(prices, "log_return")
    assert returns == pytest.approx(np.std(np.diff(np.log(used)), axis=1, ddof=1) * np.sqrt(252), rel=1e-12)
    spots, deviations = spots_and_volatilities(prices, "price_std")
    assert deviations == pytest.approx(np.std(used, axis=1) * np.sqrt(252), rel=1e-12)
    assert spots.tolist() == used[:, -1].tolist()


def test_the_volatility_of_prices_beyond_the_normal_numbers() -> None:
    prices = np.array([5e-324, 1e-310, 1.0, 1e308, 3.0])
    _, got = spots_and_volatilities(prices[np.newaxis], "log_return")
    assert got == pytest.approx(np.std(np.diff(np.log(prices)), ddof=1) * np.sqrt(252), rel=1e-12)


def test_standard_deviation_of_prices() -> None:
    prices = [100.0, 102.0, 99.0, 101.0]
    sigma = float(np.std(prices) * np.sqrt(252))
    got = black_scholes(prices, call_strike_price=90, put_strike_price=95, volatility="price_std")[0]
    assert got == pytest.approx(
        naive.black_scholes(101.0, sigma, 1.6, [90, 95], 0.01575), rel=1e-10, abs=1e-9
    )


def test_no_volatility_gives_the_limits() -> None:
    free: dict[str, Any] = {"risk_free_return": 0.0, "volatility": 0.0}
    inside = black_scholes([100.0], call_strike_price=90, put_strike_price=120, **free)[0]
    assert inside.tolist() == [10, 20, 1, -1, 0, 0, 0, 0, 0, 0, 0.01 * 1.6 * 90, -0.01 * 1.6 * 120]
    outside = black_scholes([100.0], call_strike_price=120, put_strike_price=90, **free)[0]
    assert np.abs(outside).tolist() == [0.0] * 12
    between = black_scholes([100.0], call_strike_price=100, put_strike_price=100, **free)[0]
    assert between[:6].tolist() == [0, 0, 0.5, -0.5, np.inf, np.inf]


def test_a_constant_series_has_no_volatility() -> None:
    got = black_scholes([50.0] * 5, call_strike_price=40, put_strike_price=60, risk_free_return=0)[0]
    assert got[:2].tolist() == [10, 10]


def test_shorter_series_end_in_nan() -> None:
    long, short = [100.0, 101.0, 99.0, 102.0, 103.0], [10.0, 11.0, 10.5]
    both = black_scholes([long, [*short, np.nan, np.nan]])
    assert np.array_equal(both, np.concatenate([black_scholes(long), black_scholes(short)]))


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_price_that_is_not_positive_gives_nan_and_a_warning(bad: float) -> None:
    with pytest.warns(UserWarning, match="not positive in 1 of 2 series"):
        got = black_scholes([[100.0, bad, 101.0, 99.0], [1.0, 2.0, 3.0, 2.0]])
    assert np.isnan(got[0]).all()
    assert np.isfinite(got[1]).all()
    assert np.isfinite(black_scholes([100.0, bad, 101.0], volatility="price_std")).all()


def test_too_few_prices_for_a_volatility() -> None:
    with pytest.raises(ValueError, match="log_return needs 3 prices, got 2"):
        black_scholes([[100.0, 101.0, 99.0], [100.0, 101.0, np.nan]])
    with pytest.warns(UserWarning, match="not positive in 1 of 1"):
        assert np.isnan(black_scholes([100.0, -1.0])).all()


def test_years_until() -> None:
    assert years_until("2014-01-01", ["2013-01-01", "2013-12-31"]).tolist() == [1.0, 1 / 365]


@pytest.mark.parametrize(("ranks", "threads"), [(1, 2), (2, 1), (3, 2), (8, 1)])
def test_a_job_on_asset_pairs(jobs: JobFolder, ranks: int, threads: int) -> None:
    options = {"black_scholes": {"expiry_date": "2014-03-01"}}
    codes = jobs.run(PRICES, options, ranks, threads=threads, layout="asset_pairs")
    assert codes == [0] * ranks
    header, *rows = (jobs.output / FILE).read_text().splitlines()
    assert header == "AAPL;FB;GOOG;IBM;"
    values = np.array([[float(cell) for cell in row.split(";")[:-1]] for row in rows]).T
    assert np.array_equal(
        values, black_scholes(read_asset_pairs(TableText(PRICES), range).prices, years_until_expiry=1.0)
    )


def test_unequal_series_in_a_job(jobs: JobFolder) -> None:
    text = "A,,B,\nDate,Close,Date,Close\nISO,EUR,ISO,EUR\n"
    text += (
        "2020-01-01,1,2020-01-01,5\n2020-01-02,2,2020-01-02,6\n2020-01-03,3,2020-01-03,7\n2020-01-06,4,,\n"
    )
    source = jobs.input(text)
    assert jobs.run(source, {"black_scholes": {}}, layout="asset_pairs") == [0]
    assert jobs.run(source, {"kalman": {}}, layout="asset_pairs") == [2]
    assert jobs.stderr == "input.csv: kalman needs series of one length; some end in blank cells\n"


def test_nan_columns_are_written_and_logged(jobs: JobFolder) -> None:
    assert jobs.run(jobs.input("a;b\n1;2\n-1;3\n2;2.5\n"), {"black_scholes": {}}) == [0]
    assert "warning: black_scholes: nan for prices that are not positive in 1 of 2 series" in jobs.stderr
    assert (jobs.output / FILE).read_text().splitlines()[1].lower().startswith("nan;")


def test_expiry_dates_that_cannot_be(jobs: JobFolder, acceleration: Path) -> None:
    options = {"black_scholes": {"expiry_date": "2013-03-01"}}
    assert jobs.run(PRICES, options, layout="asset_pairs") == [2]
    assert "expiry_date must lie after the last date, 2013-03-01" in jobs.stderr
    assert jobs.run(acceleration, options) == [2]
    assert "needs the dates of asset pairs" in jobs.stderr


HEADER = "A,,B,\nDate,Close,Date,Close\nISO,EUR,ISO,EUR\n"
BROKEN = {
    "header only": (HEADER, "expected 3 header rows and a price, found 3 rows"),
    "odd columns": ("A,,B\nx,y,z\nx,y,z\n2020-01-01,1,2020-01-01\n", "row 1: expected columns in pairs"),
    "blank name": (
        HEADER.replace("B", "") + "2020-01-01,1,2020-01-01,1\n",
        "row 1, column 3: expected the name",
    ),
    "ragged": (HEADER + "2020-01-01,1\n", "row 4, column 3: expected 4 cells, found 2"),
    "no date": (HEADER + "2020-01-01,1,01.02.2020,1\n", "row 4, column 3: expected a date as YYYY-MM-DD"),
    "no such day": (HEADER + "2020-02-30,1,2020-01-01,1\n", "row 4, column 1: expected a date"),
    "week date": (HEADER + "2020-W01-1,1,2020-01-01,1\n", "row 4, column 1: expected a date"),
    "newest first": (
        HEADER + "2020-01-02,1,2020-01-01,1\n2020-01-01,1,2020-01-02,1\n",
        "row 5, column 1: expected dates oldest first",
    ),
    "text": (HEADER + "2020-01-01,x,2020-01-01,1\n", "row 4, column 2: expected a finite price, found 'x'"),
    "nan": (
        HEADER + "2020-01-01,1,2020-01-01,nan\n",
        "row 4, column 4: expected a finite price, found 'nan'",
    ),
    "date without price": (HEADER + "2020-01-01,,2020-01-01,1\n", "row 4, column 2: expected a finite price"),
    "price without date": (HEADER + ",1,2020-01-01,1\n", "row 4, column 1: expected a date"),
    "after a blank": (
        HEADER + "2020-01-01,1,2020-01-01,1\n2020-01-02,1,,\n2020-01-03,1,2020-01-03,1\n",
        "row 6, column 3: found '2020-01-03' after a blank pair",
    ),
    "a series of blanks": (
        HEADER + "2020-01-01,1,,\n",
        "row 4, column 3: expected a date as YYYY-MM-DD, found a blank cell",
    ),
    "empty": ("", "found 0 rows"),
    "two prices": (HEADER + "2020-01-01,1,2020-01-01,1\n2020-01-02,1,,\n", "needs 3 prices, got"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_asset_pairs(jobs: JobFolder, text: str, message: str) -> None:
    assert jobs.run(jobs.input(text), {"black_scholes": {}}, layout="asset_pairs") == [2]
    assert message in jobs.stderr
    assert jobs.stderr.startswith("input.csv: ")
    assert jobs.stderr.count("\n") == 1
    assert not jobs.published.joinpath("CSVFormate").exists()


def test_the_profile_holds_the_given_options(jobs: JobFolder) -> None:
    jobs.run(PRICES, {"black_scholes": {"volatility": 0.2}}, layout="asset_pairs")
    assert json.loads(jobs.stdout)["services"]["black_scholes"]["volatility"] == 0.2
