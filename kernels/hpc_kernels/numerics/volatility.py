"""Annualised volatility of price series: of their log returns, or of the prices themselves."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array
from hpc_kernels.errors import UnfitSignalError
from hpc_kernels.jit.decorators import compiled, compiled_any_order
from hpc_kernels.numerics.vector_math import log_of_normal

Column = NDArray[np.float64]
Lengths = NDArray[np.int64]
Volatility = Literal["log_return", "price_std"] | float
MIN_PRICES = 3  # two log returns have a standard deviation
_YEAR = math.sqrt(252)  # trading days
_BLOCK = 512  # logarithms per pass: they stay in the first-level cache
_LEAST_NORMAL, _GREATEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)


def spots_and_volatilities(prices: Array, volatility: Volatility) -> tuple[Column, Column]:
    """Return the last price and the annualised volatility of each series.

    Parameters
    ----------
    prices : ndarray, shape (assets, days)
        Oldest first; a shorter series ends in nan.
    volatility : {"log_return", "price_std"} or float
        Definition of the volatility, or its value.

    Returns
    -------
    spots, volatilities : ndarray of float64, shape (assets,)
        The spot is nan if a price that the figures need is not positive.

    Raises
    ------
    UnfitSignalError
        If a series has fewer than `MIN_PRICES` prices for its log returns.
    """
    lengths, sigma = np.empty(len(prices), np.int64), np.empty(len(prices))
    _count_prices(prices, lengths)
    spot = prices[np.arange(len(prices)), lengths - 1].astype(np.float64)
    spot[~(spot > 0)] = np.nan
    if volatility == "log_return":
        _deviations_of_returns(prices, lengths, sigma, np.empty(_BLOCK + 1))
        spot[np.isnan(sigma)] = np.nan
        if (short := (lengths < MIN_PRICES) & ~np.isnan(spot)).any():
            found = lengths[short.argmax()]
            raise UnfitSignalError(f"volatility {volatility} needs {MIN_PRICES} prices, got {found}")
    elif volatility == "price_std":
        _deviations_of_prices(prices, lengths, sigma)
    else:
        return spot, np.full(len(prices), float(volatility))
    return spot, sigma * _YEAR


@compiled
def _count_prices(prices: Array, lengths: Lengths) -> None:
    """Count the prices before the trailing nan of a series; a series of nan alone counts as full."""
    for row in range(len(prices)):
        count = prices.shape[1]
        while count > 0 and np.isnan(prices[row, count - 1]):
            count -= 1
        lengths[row] = count if count > 0 else prices.shape[1]


@compiled
def _deviations_of_returns(prices: Array, lengths: Lengths, out: Column, logs: Column) -> None:
    """Write sample standard deviations (n - 1) of log returns; nan where a price is not positive."""
    for row in range(len(prices)):
        series = prices[row, : lengths[row]]
        returns = len(series) - 1
        if _count_positive(series) < len(series):
            out[row] = np.nan
        elif returns < MIN_PRICES - 1:
            out[row] = 0.0
        else:
            odd = len(series) - _count_normal(series)
            mean = (
                math.log(np.float64(series[returns])) - math.log(np.float64(series[0]))
            ) / returns  # the prices between cancel
            out[row] = math.sqrt(_squares_of_returns(series, mean, odd, logs) / (returns - 1))


@compiled
def _count_positive(series: Array) -> int:
    count = 0
    for i in range(len(series)):
        count += series[i] > 0
    return count


@compiled
def _count_normal(series: Array) -> int:
    """Count the positive numbers that are neither infinite nor below the normal ones."""
    count = 0
    for i in range(len(series)):
        count += (series[i] >= _LEAST_NORMAL) & (series[i] <= _GREATEST)
    return count


@compiled_any_order
def _squares_of_returns(series: Array, mean: float, odd: int, logs: Column) -> float:
    """Return the sum of squared deviations of the log returns; `odd` prices are not normal numbers."""
    total = 0.0
    for start in range(0, len(series) - 1, len(logs) - 1):
        some = series[start : start + len(logs)]
        if odd == 0:
            for i in range(len(some)):
                logs[i] = log_of_normal(np.float64(some[i]))
        else:
            for i in range(len(some)):
                logs[i] = math.log(np.float64(some[i]))
        for i in range(len(some) - 1):
            distance = logs[i + 1] - logs[i] - mean
            total += distance * distance
    return total


@compiled_any_order
def _deviations_of_prices(prices: Array, lengths: Lengths, out: Column) -> None:
    """Write population standard deviations of prices."""
    for row in range(len(prices)):
        series = prices[row, : lengths[row]]
        total, squares = 0.0, 0.0
        for i in range(len(series)):
            total += series[i]
        mean = total / len(series)
        for i in range(len(series)):
            squares += (series[i] - mean) ** 2
        out[row] = math.sqrt(squares / len(series))
