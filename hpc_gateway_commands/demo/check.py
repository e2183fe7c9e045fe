"""Checking the demo's result against SciPy, and drawing it."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import scipy.fft
from matplotlib import pyplot as plt
from numpy.typing import NDArray

SAMPLING_RATE_HZ = 250.0
CHANNEL = 0
Table = NDArray[np.float64]


def read_table(path: Path) -> tuple[list[str], Table]:
    """Read a `;`-separated table: names, and an array of samples by signals."""
    with path.open(encoding="utf-8") as file:
        names = [name for name in file.readline().strip().split(";") if name]
        return names, np.loadtxt(file, delimiter=";", usecols=range(len(names)), ndmin=2)


def largest_error(signals: Table, spectra: Table) -> float:
    """Return the largest difference from SciPy, relative to each signal's largest magnitude."""
    expected = np.abs(scipy.fft.fft(signals, axis=0))
    return float(np.max(np.abs(spectra - expected) / expected.max(axis=0)))


def draw(names: list[str], signals: Table, spectra: Table, picture: Path) -> None:
    """Draw one channel over time, and its spectrum up to half the sampling rate."""
    mpl.use("Agg")
    count = len(signals)
    times = np.arange(count) / SAMPLING_RATE_HZ
    frequencies = scipy.fft.rfftfreq(count, 1 / SAMPLING_RATE_HZ)
    figure, (above, below) = plt.subplots(2, figsize=(10, 6), layout="constrained")
    above.plot(times, signals[:, CHANNEL], linewidth=0.6)
    above.set(title=f"Acceleration, {names[CHANNEL]}", xlabel="time / s", ylabel="amplitude")
    below.semilogy(frequencies[1:], spectra[1 : len(frequencies), CHANNEL], linewidth=0.6, color="tab:red")
    below.set(
        title="Magnitude of its spectrum, computed by the gateway", xlabel="frequency / Hz", ylabel="|X|"
    )
    figure.savefig(picture, dpi=110)
    plt.close(figure)
