"""Figures of results that are infinite or not a number: their count and the first one of each service."""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np

from hpc_kernels.arrays import Array

Finding = tuple[int, int, int, str]  # count; signal and sample of the first one, from 0; name of its signal
Findings = dict[str, Finding]
_CELLS_AT_ONCE = 1 << 17
_HEADER_AND_ONE = 2


class UndefinedFigures:
    """The findings of this rank, by service."""

    def __init__(self) -> None:
        self.found: Findings = {}

    def look(self, service: str, result: Array, kind: str, names: Sequence[str], first: int) -> None:
        """Look for figures that are not finite in precision `kind`; `first` is the first signal's number."""
        most, width = np.finfo(kind).max, max(1, result.shape[1])
        step, part = max(1, _CELLS_AT_ONCE // width), min(width, _CELLS_AT_ONCE)
        for start, begin in product(range(0, len(result), step), range(0, width, part)):
            bad = ~(np.abs(result[start : start + step, begin : begin + part]) <= most)  # also for nan
            if count := int(np.count_nonzero(bad)):
                signal, sample = (int(i) for i in np.argwhere(bad)[0])
                signal += first + start
                found = {service: (count, signal, sample + begin, names[signal])}
                self.found = _joined(self.found, found)


def undefined_sentences(of_ranks: Iterable[Findings]) -> list[str]:
    """Return one sentence for each service with figures that are not finite."""
    total: Findings = {}
    for found in of_ranks:
        total = _joined(total, found)
    return [
        f"{service}: {count} figures are infinite or not a number although the input is finite, the first in"
        f" signal {name!r}, row {sample + _HEADER_AND_ONE} of the result"
        for service, (count, _, sample, name) in total.items()
    ]


def _joined(one: Findings, other: Findings) -> Findings:
    """Return the findings of both: counts added, the first signal kept."""
    joined = dict(one)
    for service, finding in other.items():
        known, (count, signal, sample, name) = joined.get(service), finding
        if known is not None:
            count += known[0]
            signal, sample, name = min((signal, sample, name), (known[1], known[2], known[3]))
        joined[service] = (count, signal, sample, name)
    return joined
