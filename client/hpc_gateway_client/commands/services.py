"""The services of the contract, so that a wrong list is refused before a file is uploaded."""

from collections.abc import Sequence

from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.errors import GatewayClientError

SIGNAL_PROCESSING = "signal processing"
CLASSES = {
    "kalman": SIGNAL_PROCESSING,
    "fft": SIGNAL_PROCESSING,
    "min_max": SIGNAL_PROCESSING,
    "savitzky_golay": SIGNAL_PROCESSING,
    "black_scholes": SIGNAL_PROCESSING,
    "wavelet": SIGNAL_PROCESSING,
    "kmean": "clustering",
    "knn": "classification",
}


def read_services(text: str) -> list[str]:
    """Read services between commas; raise BadParameter for a typo, GatewayClientError for a mix."""
    services = check_words(text.split(","), CLASSES, "service")
    check_services(services)
    return services


def check_services(services: Sequence[str]) -> None:
    """Raise GatewayClientError for an unknown service, a repeated one, or services of several classes."""
    for service in services:
        if service not in CLASSES:
            raise GatewayClientError(
                f"services: {service!r} is not a service; there are {', '.join(CLASSES)}"
            )
    if len(set(services)) < len(services):
        raise GatewayClientError("services: each service may be named once")
    classes = list(dict.fromkeys(CLASSES[service] for service in services))
    if len(classes) > 1:
        raise GatewayClientError(f"services: {' and '.join(classes)} do not mix; send one job for each")
