"""Durations (30m, 36h, 90d) and start times of filters (`--since`), read from the command line."""

import re
from datetime import UTC, datetime, timedelta

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str, units: str = "mhd") -> timedelta | None:
    """Read a whole number and one of the units; return None for any other text."""
    found = re.fullmatch(f"([0-9]{{1,5}})([{units}])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


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
