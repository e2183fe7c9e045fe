"""Registry of the services: name, class, function, output file and width of the result."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hpc_kernels.arrays import Array
    from hpc_kernels.jobs.options import Options


def _samples(samples: int, _options: "Options") -> int:
    return samples


@dataclass(frozen=True)
class Service:
    """A service: its name, the path of its result below the output folder, and its class (`kind`).

    The services of one job have one class. `perforated` is true if the function takes a stride, `keeps_time`
    if a row of the result belongs to the sample of that row, `keeps_unit` if the signal's unit stays;
    `width` returns the number of values of a filter for a signal of some samples.
    """

    name: str
    output: str
    kind: str = "filtering"
    perforated: bool = False
    keeps_time: bool = False
    keeps_unit: bool = False
    width: "Callable[[int, Options], int]" = _samples

    def function(self) -> "Callable[..., Array]":
        """Import the file of the service and return its function."""
        found: Callable[..., Array] = getattr(import_module(f"hpc_kernels.services.{self.name}"), self.name)
        return found


SERVICES = {
    service.name: service
    for service in (
        Service(
            "kalman", "CSVFormate/Kalman_Filter_output.csv", perforated=True, keeps_time=True, keeps_unit=True
        ),
        Service(
            "fft",
            "CSVFormate/FFT_Filter_output.csv",
            keeps_unit=True,
            width=lambda samples, options: samples if options["spectrum"] == "full" else samples // 2 + 1,
        ),
        Service("min_max", "CSVFormate/MinMax_Transform_output.csv", perforated=True, keeps_time=True),
        Service("savitzky_golay", "CSVFormate/SavitzkeyGolay_output.csv", perforated=True, keeps_time=True),
        Service("black_scholes", "CSVFormate/BlackScholes_output.csv", width=lambda *_: 12),
        Service("wavelet", "CSVFormate/Wavelet_Filter_output.csv", keeps_time=True, keeps_unit=True),
        Service("kmean", "KMean/KMean_cluster.csv", kind="clustering"),
        Service("knn", "KNN/KNN_timesseries_label.csv", kind="classification"),
    )
}
