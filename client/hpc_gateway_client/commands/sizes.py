"""Sizes (500M, 2GiB, 1.5GB), read from the command line."""

import re
from fractions import Fraction

_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_BASES = {"": 1024, "IB": 1024, "B": 1000}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)([KMGT]?)((?:I?B)?)", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int | None:
    """Read a number of bytes, rounded up; return None for any other text.

    `2G` is 2 GiB, as in Slurm; `2GB` counts in thousands.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    base = _BASES[found[3].upper()]
    return -int(-(Fraction(found[1]) * base ** _POWERS[found[2].upper()]) // 1)
