"""How far results are from what they would have been: relative L2 errors, summed over ranks."""

import math
from collections.abc import Iterable

import numpy as np

from hpc_kernels.arrays import Array

Sums = dict[str, dict[str, tuple[float, float]]]


class ErrorSums:
    """Per service and cause, the squares of the differences and of the reference."""

    def __init__(self) -> None:
        self.sums: Sums = {}

    def add(self, service: str, cause: str, got: Array, reference: Array) -> None:
        """Note the difference of two results; undefined figures (nan) do not count."""
        difference = got.astype(np.float64) - reference
        pair = (float(np.nansum(difference**2)), float(np.nansum(reference.astype(np.float64) ** 2)))
        self.sums.setdefault(service, {})[cause] = pair


def relative_errors(of_ranks: Iterable[Sums]) -> dict[str, dict[str, float | None]]:
    """Return ``norm(difference) / norm(reference)`` over all ranks, None where it is undefined."""
    totals: dict[tuple[str, str], tuple[float, float]] = {}
    for sums in of_ranks:
        for service, causes in sums.items():
            for cause, (difference, reference) in causes.items():
                before = totals.get((service, cause), (0.0, 0.0))
                totals[service, cause] = (before[0] + difference, before[1] + reference)
    errors: dict[str, dict[str, float | None]] = {}
    for (service, cause), (difference, reference) in totals.items():
        errors.setdefault(service, {})[cause] = _ratio(difference, reference)
    return errors


def _ratio(difference: float, reference: float) -> float | None:
    if difference == 0:
        return 0.0
    ratio = math.sqrt(difference / reference) if reference else math.inf
    return ratio if math.isfinite(ratio) else None
