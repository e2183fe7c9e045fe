"""Black-Scholes model: price and greeks of a European call and put on each asset, from its price series."""

import math
import warnings
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpc_kernels.arrays import Array, as_signals, output_array
from hpc_kernels.jit.decorators import compiled_fused
from hpc_kernels.numerics.vector_math import exponential, log_of_normal, normal_tail
from hpc_kernels.numerics.volatility import Column, Volatility, spots_and_volatilities

FIGURES = tuple(f"{side} {figure}" for figure in ("price", "delta", "gamma", "vega", "theta", "rho")
                for side in ("call", "put"))  # fmt: skip
DAYS_PER_YEAR = 365
_BLOCK = 2048  # options per pass: their figures stay in the second-level cache
_APART = 8  # padding of the rows of figures: rows of a power of two would share one cache set
_LEAST, _GREATEST = 1e-100, 1e100  # bounds of ordinary numbers, far from overflow
_SCALE = 0.01  # vega, theta and rho are per hundredth


def black_scholes(
    prices: ArrayLike,
    *,
    call_strike_price: float = 2400.0,
    put_strike_price: float = 2300.0,
    risk_free_return: float = 0.01575,
    years_until_expiry: float | ArrayLike = 1.6,
    volatility: Volatility = "log_return",
    out: Array | None = None,
) -> Array:
    """Return the twelve figures `FIGURES` of each asset, spot = its last price.

    Parameters
    ----------
    prices : array_like, shape (assets, days) or (days,)
        Closing prices, oldest first; a shorter series ends in nan. The arithmetic is double for
        either precision of the input: log returns need it for the tolerance.
    call_strike_price, put_strike_price : float
        Above 0, in the currency of the prices.
    risk_free_return : float
        Continuously compounded, per year.
    years_until_expiry : float or array_like, shape (assets,)
        Above 0.
    volatility : {"log_return", "price_std"} or float
        Annualised: the sample standard deviation of the log returns, or the population standard
        deviation of the prices (not a return: as the first generation did), each times
        ``sqrt(252)``; or the number itself, at least 0.
    out : ndarray, optional
        Array for the result, in place of a new one of its shape and precision.

    Returns
    -------
    ndarray, shape (assets, 12)
        Prices, deltas, gammas, vegas, thetas and rhos, call before put; vega, theta and rho
        times 0.01, of the precision of the input. A volatility of 0 gives the limits. All nan,
        with a warning, where a price that the figures need is not positive.

    Raises
    ------
    ValueError
        If a series has fewer prices than its volatility needs.

    Notes
    -----
    F. Black, M. Scholes, "The Pricing of Options and Corporate Liabilities" (1973); R. C. Merton,
    "Theory of Rational Option Pricing" (1973). Call and put each have their own strike, so each
    has its own closed form and put-call parity is not used.

    Examples
    --------
    >>> black_scholes([[100.0]], call_strike_price=100, put_strike_price=100,
    ...               risk_free_return=0.0, years_until_expiry=1, volatility=0.2)[0, :2].round(4)
    array([7.9656, 7.9656])
    """
    x = as_signals(prices)
    spot, sigma = spots_and_volatilities(x, volatility)
    if undefined := int(np.isnan(spot).sum()):
        series = f"{undefined} of {len(x)} series"
        warnings.warn(f"black_scholes: nan for prices that are not positive in {series}", stacklevel=2)
    years = np.full(len(x), years_until_expiry, dtype=np.float64)
    strikes = float(call_strike_price), float(put_strike_price)
    out = output_array((len(x), len(FIGURES)), x.dtype, out)
    out[:] = option_figures(spot, sigma, years, *strikes, float(risk_free_return))
    return out


def years_until(expiry_date: str, last_dates: list[str]) -> NDArray[np.float64]:
    """Return the years (days / 365) from each of `last_dates` to `expiry_date`, all in ISO format."""
    expiry = date.fromisoformat(expiry_date)
    days = [(expiry - date.fromisoformat(last)).days for last in last_dates]
    return np.array(days) / DAYS_PER_YEAR


def option_figures(
    spot: Column,
    sigma: Column,
    years: Column,
    call_strike: float,
    put_strike: float,
    rate: float,
    out: Array | None = None,
) -> Array:
    """Return the figures `FIGURES` of options from arrays of spot, volatility and years.

    Parameters
    ----------
    spot, sigma, years : ndarray of float64, shape (options,)
        Spot in the currency of the strikes (nan gives nan), annualised volatility, years until expiry.
    call_strike, put_strike : float
    rate : float
        Risk-free return, continuously compounded, per year.
    out : ndarray of float64, shape (options, 12), optional
        Array for the result.

    Returns
    -------
    ndarray of float64, shape (options, 12)
    """
    out = output_array((len(spot), len(FIGURES)), spot.dtype, out)
    strikes, scratch = np.array([call_strike, put_strike]), np.empty((20, _BLOCK + _APART))
    _write_figures(spot, sigma, years, strikes, rate, out, scratch)
    return out


@compiled_fused
def _write_figures(
    spot: Column, sigma: Column, years: Column, strikes: Column, rate: float, out: Array, scratch: Column
) -> None:
    shared, calls, puts = scratch[:8], scratch[8:14], scratch[14:]
    of_call, of_put = 1.0 / strikes[0], 1.0 / strikes[1]
    further = math.log(strikes[0] / strikes[1])
    for start in range(0, len(spot), _BLOCK):
        some = slice(start, min(start + _BLOCK, len(spot)))
        s, v, y, rows = spot[some], sigma[some], years[some], out[some]
        _write_shared(s, v, y, rate, of_call, shared)
        _ordinary(s, y, shared, strikes[0], 0.0, rate, 1.0, calls)
        _ordinary(s, y, shared, strikes[1], further, rate, -1.0, puts)
        for i in range(len(s)):
            for j in range(6):
                rows[i, 2 * j], rows[i, 2 * j + 1] = calls[j, i], puts[j, i]
        deviation, discount = shared[2], shared[1]
        if _count_ordinary(s, deviation, discount, of_call, of_put) < len(s):
            for i in range(len(s)):
                if not _is_ordinary(s[i] * of_call, s[i] * of_put, deviation[i], discount[i]):
                    _limits(s[i], v[i], y[i], strikes[0], rate, 1.0, rows[i, ::2])
                    _limits(s[i], v[i], y[i], strikes[1], rate, -1.0, rows[i, 1::2])


@compiled_fused
def _count_ordinary(spot: Column, deviation: Column, discount: Column, of_call: float, of_put: float) -> int:
    count = 0
    for i in range(len(spot)):
        count += _is_ordinary(spot[i] * of_call, spot[i] * of_put, deviation[i], discount[i])
    return count


@compiled_fused
def _is_ordinary(of_call: float, of_put: float, deviation: float, discount: float) -> bool:
    least, greatest = min(of_put, deviation, discount), max(of_put, deviation, discount)
    return (
        (of_call > _LEAST) & (of_call < _GREATEST) & (least > _LEAST) & (greatest < _GREATEST)
    )  # nan is not


@compiled_fused
def _write_shared(
    spot: Column, sigma: Column, years: Column, rate: float, of_strike: float, out: Column
) -> None:
    """Write the terms that call and put share, above all the divisions, which take longest."""
    root, discount, deviation, inverse, thinness, decay, drift, growth = (
        out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7],
    )  # fmt: skip
    for i in range(len(spot)):
        root[i] = math.sqrt(years[i])
        discount[i] = exponential(-rate * years[i])
        growth[i] = 1.0 / discount[i]
        drift[i] = log_of_normal(spot[i] * of_strike) + rate * years[i]
        deviation[i] = sigma[i] * root[i]
        inverse[i] = 1.0 / deviation[i]
        thinness[i] = 1.0 / (spot[i] * deviation[i])
        decay[i] = 0.5 * spot[i] * sigma[i] / root[i]


@compiled_fused
def _ordinary(
    spot: Column, years: Column, shared: Column, strike: float, further: float, rate: float, sign: float,
    out: Array,
) -> None:  # fmt: skip
    """Write price, delta, gamma, vega, theta and rho of calls (`sign` 1) or puts (`sign` -1).

    The density at `d2` is that at `d1` times the forward price over the strike.
    """
    root, discount, deviation, inverse, thinness, decay, drifts, growth = (
        shared[0], shared[1], shared[2], shared[3], shared[4], shared[5], shared[6], shared[7],
    )  # fmt: skip
    of_strike = 1.0 / strike
    for i in range(len(spot)):
        drift, discounted = drifts[i] + further, strike * discount[i]
        d1 = drift * inverse[i] + deviation[i] / 2
        d2 = d1 - deviation[i]
        bell = exponential(-0.5 * d1 * d1)
        in_spot = _below(sign * d1, bell)
        in_strike = _below(sign * d2, bell * (spot[i] * of_strike * growth[i]))
        density = bell / math.sqrt(2 * math.pi)
        out[0, i] = sign * (spot[i] * in_spot - discounted * in_strike)
        out[1, i] = sign * in_spot
        out[2, i] = density * thinness[i]
        out[3, i] = spot[i] * density * root[i] * _SCALE
        out[4, i] = (-decay[i] * density - sign * rate * discounted * in_strike) * _SCALE
        out[5, i] = sign * discounted * years[i] * in_strike * _SCALE


@compiled_fused
def _below(d: float, bell: float) -> float:
    """Return the standard normal distribution function at `d`, given ``exp(-d * d / 2)``."""
    tail = normal_tail(d, bell)
    return 1.0 - tail if d > 0 else tail


@compiled_fused
def _limits(
    spot: float, sigma: float, years: float, strike: float, rate: float, sign: float, out: Array
) -> None:
    """Write the figures of one side of an asset with numbers far from ordinary, or a spot of nan."""
    root, discounted = math.sqrt(years), strike * math.exp(-rate * years)
    deviation, drift = sigma * root, math.log(spot / strike) + rate * years
    d1 = drift / deviation + deviation / 2
    if deviation == 0:  # the limit: surely in or out of the money, or exactly between
        d1 = 0.0 if drift == 0 else drift * math.inf
    in_spot, in_strike = _phi(sign * d1), _phi(sign * (d1 - deviation))
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    decay = -spot * density * sigma / (2 * root)
    out[0] = sign * (spot * in_spot - discounted * in_strike)
    out[1] = sign * in_spot
    out[2] = density / (spot * deviation) if density > 0 else 0.0
    out[3] = spot * density * root * _SCALE
    out[4] = (decay - sign * rate * discounted * in_strike) * _SCALE
    out[5] = sign * discounted * years * in_strike * _SCALE
    if math.isnan(spot):
        out[:] = math.nan


@compiled_fused
def _phi(d: float) -> float:
    """Return the standard normal distribution function at `d`."""
    return 0.5 * math.erfc(-d * math.sqrt(0.5))
