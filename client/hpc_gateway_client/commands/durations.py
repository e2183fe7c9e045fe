"""Durations in words: 30m, 36h, 90d."""

import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str, units: str = "mhd") -> timedelta | None:
    """Read a whole number and one of the units; return None for any other text."""
    found = re.fullmatch(f"([0-9]{{1,5}})([{units}])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
