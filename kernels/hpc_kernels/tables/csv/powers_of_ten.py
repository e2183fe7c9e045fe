"""Tables of powers of ten as 128-bit fractions, for the conversion between binary and decimal."""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_WORD = (1 << 64) - 1


def _split(values: list[int]) -> tuple[Words, Words]:
    """Return the upper and the lower words of 128-bit numbers."""
    upper = np.array([value >> 64 for value in values], dtype=np.uint64)
    return upper, np.array([value & _WORD for value in values], dtype=np.uint64)


def truncated_powers_of_five(first: int, last: int) -> tuple[Words, Words]:
    """Return 5**q for q = first ... last, scaled to 128 bits and rounded down (up for negative q).

    From decimal to binary: D. Lemire, "Number parsing at a gigabyte per second" (2021).
    """
    values = []
    for q in range(first, last + 1):
        power = 5 ** abs(q)
        bits = power.bit_length()
        if q >= 0:
            values.append(power << (128 - bits) if bits <= 128 else power >> (bits - 128))  # noqa: PLR2004
        else:
            values.append((1 << (bits + 127)) // power + 1)
    return _split(values)


def rounded_up_powers_of_ten(first: int, last: int) -> tuple[Words, Words]:
    """Return 10**k for k = first ... last, scaled to 128 bits and rounded up.

    From binary to decimal: R. Giulietti, "The Schubfach way to render doubles" (2020).
    """
    values = []
    for k in range(first, last + 1):
        power = 10 ** abs(k)
        bits = power.bit_length()
        if k >= 0:
            values.append(power << (128 - bits) if bits <= 128 else -(-power >> (bits - 128)))  # noqa: PLR2004
        else:
            scaled = -(-(1 << (bits + 127)) // power)
            values.append(scaled if scaled < 1 << 128 else scaled >> 1)
    return _split(values)
