"""Figures, times and states as people read them: the filters of the templates."""

import json
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from gateway.states import BEFORE_SCHEDULER, JobState, TransferState

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
TONES: dict[str, str] = {
    **dict.fromkeys((TransferState.COMPLETED, JobState.SUCCEEDED), "good"),
    "delivered": "good",
    **dict.fromkeys(("skipped", "dropped"), "off"),
    **dict.fromkeys((TransferState.TRANSFERRING, JobState.RUNNING), "busy"),
    **dict.fromkeys((*BEFORE_SCHEDULER, JobState.PENDING, "waiting"), "waiting"),
    "cancelled": "off",
}


def size(count: float | None) -> str:
    """Return a number of bytes with its unit: `1.2 MB`."""
    if count is None:
        return "size unknown"
    number, unit = float(count), 0
    while number >= _STEP and unit < len(_UNITS) - 1:
        number, unit = number / _STEP, unit + 1
    return f"{number:.0f} {_UNITS[unit]}" if unit == 0 else f"{number:.3g} {_UNITS[unit]}"


def span(seconds: float | None) -> str:
    """Return a duration: `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def moment(text: str | datetime | None) -> datetime | None:
    """Return the time of a text as JSON has it."""
    return datetime.fromisoformat(text) if isinstance(text, str) else text


def between(start: str | datetime | None, end: str | datetime | None) -> str:
    """Return the duration between two times; without an end, until now."""
    begun = moment(start)
    if begun is None:
        return ""
    return span(max(0.0, ((moment(end) or datetime.now(UTC)) - begun).total_seconds()))


def clock(text: str | datetime | None) -> Markup:
    """Return a time as an element, in UTC; the page's script shows it in the reader's zone."""
    at = moment(text)
    if at is None:
        return Markup("")
    exact = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shown = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}">{}</time>').format(exact, shown)


def tone(state: str) -> str:
    """Return the class of a state's colour."""
    return TONES.get(state, "bad")


def words(text: str) -> str:
    """Return a name of the API as words: `out_of_memory` as `out of memory`."""
    return text.replace("_", " ")


def indented(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def compact(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False)


def figure_name(name: str) -> str:
    """Return the name of a figure without its unit: `peak_rss_bytes` as `Peak rss`."""
    return words(name.removesuffix("_bytes").removesuffix("_s")).capitalize()


def figure(value: float, name: str) -> str:
    """Return a figure with the unit that its name ends in."""
    if name.endswith("_bytes"):
        return size(value)
    return span(value) if name.endswith("_s") else f"{value:.4g}"


FILTERS = {
    "between": between,
    "clock": clock,
    "compact": compact,
    "figure": figure,
    "figure_name": figure_name,
    "indented": indented,
    "size": size,
    "span": span,
    "tone": tone,
    "words": words,
}
