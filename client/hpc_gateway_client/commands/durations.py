"""Durations (30m, 36h, 90d) and start times of filters (`--since`), read from the command line."""

import math
import re
from datetime import UTC, datetime, timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str, units: str = "mhd") -> timedelta | None:
    """Read a whole number and one of the units; return None for any other text."""
    found = re.fullmatch(f"([0-9]{{1,5}})([{units}])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def parse_timeout(text: str) -> float:
    """Read a time to wait in seconds: a number of them, or `90s`, `10m`, `2h`, `1d`."""
    duration = parse_duration(text, "smhd")
    if duration is not None:
        return duration.total_seconds()
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise typer.BadParameter(f"{text!r} is not a time such as 90 (seconds), 10m or 2h")
    return seconds


def parse_since(text: str) -> datetime | None:
    """Read `30m`, `2h`, `7d` or a time with its zone."""
    if not text:
        return None
    duration = parse_duration(text)
    if duration is not None:
        return datetime.now(UTC) - duration
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither 30m, 2h, 7d nor a time") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} needs a zone, such as {text}Z")
    return moment
