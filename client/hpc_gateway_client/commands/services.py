"""The services of the contract, so that a wrong list is refused before a file is uploaded."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict

from hpc_gateway_client.commands.completion import some_of
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
Services = Annotated[
    str,
    typer.Argument(help="One service, or several with commas: fft,min_max", autocompletion=some_of(CLASSES)),
]
KNN_NEEDS = {
    "inference_knn_path": "a folder of the cluster with a CSV for each signal that is to be classified",
    "clustering_label_path": "a file of labels, in the layout of a result of kmean, for the training signals",
}


class OptionSchema(BaseModel):
    """The JSON Schema of a service's options."""

    model_config = ConfigDict(extra="allow")

    properties: dict[str, dict[str, Any]] = {}


class ServiceEntry(BaseModel):
    """A service in the gateway's list."""

    model_config = ConfigDict(extra="allow")

    name: str


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


def check_needs(services: Sequence[str], params: Mapping[str, object]) -> None:
    """Raise GatewayClientError for `knn` without the names of the folder and of the labels that it reads."""
    if "knn" not in services:
        return
    missing = [name for name in KNN_NEEDS if name not in params]
    if missing:
        needed = " and ".join(f"{KNN_NEEDS[name]} (--param {name}=...)" for name in missing)
        raise GatewayClientError(
            f"knn classifies by {needed}; stage them first and name them, or give --yes where they lie at the"
            " default places (docs/kernels.md#knn)"
        )
