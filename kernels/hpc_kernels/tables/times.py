"""Texts of dates and times: which ones are unambiguous, and the seconds that they stand for."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*\.?"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<part>[.,]\d{1,9})?)?"
_ZONE = r"(?P<zone>\s?(?:Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?))?"
_DAYS = (
    r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d))?",
    r"(?P<year>\d{4})([/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?=T)",
    rf"(?P<day>\d{{1,2}})[ -]{_MONTH}[ -](?P<year>\d{{4}})",
    rf"{_MONTH}[ -](?P<day>\d{{1,2}}),?[ -](?P<year>\d{{4}})",
    rf"{_MONTH}[ -](?P<year>\d{{4}})",
    r"(?P<year>\d{4})[ -]?Q(?P<quarter>[1-4])",
    r"(?P<first>\d{1,2})([/.-])(?P<then>\d{1,2})\2(?P<year>\d{4})",
)
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        *(rf"{day}(?:[T ]\s*{_CLOCK}\s?(?P<half>[AP]M)?{_ZONE})?" for day in _DAYS),
        rf"{_CLOCK}\s?(?P<half>[AP]M)?{_ZONE}",
    )
)
_QUARTER_MONTHS, _NOON = 3, 12
DAY_FIRST, MONTH_FIRST = "day first", "month first"


def is_time(text: str) -> bool:
    """Return whether a text is a date or a time, with day and month in whichever order."""
    return _seconds(text, DAY_FIRST) is not None or _seconds(text, MONTH_FIRST) is not None


def order_of_days(texts: Iterable[str]) -> str | None:
    """Return the one order of day and month in which all texts are times; None where both orders are."""
    kept = list(texts)
    orders = [o for o in (DAY_FIRST, MONTH_FIRST) if all(_seconds(text, o) is not None for text in kept)]
    same = len(orders) > 1 and all(_seconds(t, DAY_FIRST) == _seconds(t, MONTH_FIRST) for t in kept)
    return orders[0] if len(orders) == 1 or same else None


def seconds_of(text: str, order: str) -> float:
    """Return the seconds since 1970, or since midnight; `ValueError` for a text that is no time."""
    found = _seconds(text, order)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    return found


def iso_day(text: str, order: str) -> str:
    """Return the date of a time as YYYY-MM-DD."""
    return datetime.fromtimestamp(seconds_of(text, order), UTC).date().isoformat()


def _seconds(text: str, order: str) -> float | None:
    text = text.strip().strip('"').strip()
    for pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            try:
                return _instant(found.groupdict(), order)
            except ValueError:  # the 30th of February
                return None
    return None


def _instant(part: dict[str, str | None], order: str) -> float:
    year, month, day = _date(part, order)
    hour = int(part.get("hour") or 0)
    if half := part.get("half"):
        hour = hour % _NOON + _NOON * (half.upper() == "PM")
    minute, second = int(part.get("minute") or 0), int(part.get("second") or 0)
    whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    fraction = float("0." + (part.get("part") or ".0")[1:])
    return whole + fraction - _offset(part.get("zone") or "")


def _date(part: dict[str, str | None], order: str) -> tuple[int, int, int]:
    if not (year := part.get("year")):
        return 1970, 1, 1
    if first := part.get("first"):
        then = str(part["then"])
        day, month = (first, then) if order == DAY_FIRST else (then, first)
        return int(year), int(month), int(day)
    if name := part.get("name"):
        return int(year), _MONTHS.index(name.lower()) + 1, int(part.get("day") or 1)
    if quarter := part.get("quarter"):
        return int(year), _QUARTER_MONTHS * int(quarter) - 2, 1
    return int(year), int(part.get("month") or 1), int(part.get("day") or 1)


def _offset(zone: str) -> int:
    """Return the seconds by which a zone is ahead of UTC."""
    digits = re.sub(r"[^0-9]", "", zone)
    if not digits:
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if "-" in zone else seconds
