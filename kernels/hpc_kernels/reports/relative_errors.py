"""Relative L2 errors of approximate results (perforation, single precision), over all blocks and ranks."""

import math
from collections.abc import Iterable

import numpy as np

from hpc_kernels.arrays import Array

Norms = dict[str, dict[str, tuple[float, float]]]


class ErrorNorms:
    """The L2 norms of difference and reference, per service and cause."""

    def __init__(self) -> None:
        self.norms: Norms = {}

    def add(self, service: str, cause: str, got: Array, reference: Array) -> None:
        """Add the norms of one block: of ``got - reference`` and of `reference`, each without nan."""
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite difference makes the error None
            difference = got.astype(np.float64) - reference
        causes = self.norms.setdefault(service, {})
        causes[cause] = _add_norms(causes.get(cause, (0.0, 0.0)), (_norm(difference), _norm(reference)))


def relative_errors(of_ranks: Iterable[Norms]) -> dict[str, dict[str, float | None]]:
    """Return ``norm(difference) / norm(reference)`` over all ranks; None if it is not finite."""
    totals: Norms = {}
    for norms in of_ranks:
        for service, causes in norms.items():
            total = totals.setdefault(service, {})
            for cause, pair in causes.items():
                total[cause] = _add_norms(total.get(cause, (0.0, 0.0)), pair)
    return {
        service: {cause: _ratio(*pair) for cause, pair in causes.items()}
        for service, causes in totals.items()
    }


def _norm(values: Array) -> float:
    """Return the L2 norm; division by the largest magnitude keeps the squares from underflow and overflow."""
    magnitudes = np.abs(values.astype(np.float64))
    largest = float(np.fmax.reduce(magnitudes, axis=None, initial=0.0))
    if largest == 0 or math.isinf(largest):
        return largest
    return largest * math.sqrt(np.nansum((magnitudes / largest) ** 2))


def _add_norms(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return math.hypot(one[0], other[0]), math.hypot(one[1], other[1])


def _ratio(difference: float, reference: float) -> float | None:
    if difference == 0:
        return 0.0
    ratio = difference / reference if reference else math.inf
    return ratio if math.isfinite(ratio) else None
