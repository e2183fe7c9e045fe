"""The bits of the services: each service has its own for ever, and a new one takes the next."""

from collections.abc import Iterable

_NAMES = ("kalman", "fft", "min_max", "savitzky_golay", "black_scholes", "wavelet", "kmean", "knn")
SERVICE_BITS = {name: 1 << number for number, name in enumerate(_NAMES)}


def service_bits(services: Iterable[str]) -> int:
    """Return the bits of all of the services."""
    return sum(SERVICE_BITS[name] for name in set(services))
