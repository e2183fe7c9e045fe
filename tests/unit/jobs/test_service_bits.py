"""Each service has a bit of its own for ever."""

from gateway.jobs.services import SERVICES
from gateway.models.service_bits import SERVICE_BITS, service_bits


def test_every_service_has_a_bit_and_those_of_today_keep_theirs() -> None:
    assert set(SERVICE_BITS) == set(SERVICES)
    first = ["kalman", "fft", "min_max", "savitzky_golay", "black_scholes", "wavelet", "kmean", "knn"]
    assert [SERVICE_BITS[name] for name in first] == [1, 2, 4, 8, 16, 32, 64, 128]


def test_a_service_counts_once_in_any_order() -> None:
    assert service_bits(["min_max", "fft", "fft"]) == service_bits(["fft", "min_max"]) == 6
