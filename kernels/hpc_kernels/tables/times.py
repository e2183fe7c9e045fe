"""Texts of dates and times: which ones are unambiguous, and the nanoseconds that they stand for."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_SECOND = r"(?P<second>\d\d)(?P<part>[.,]\d{1,9})?"
_CLOCK = rf"(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::{_SECOND})?"
_ZONE = r"(?P<zone>\s?(?:Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?))?"
_DAYS = (
    r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d))?",
    r"(?P<year>\d{4})([/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?=T)",
    r"(?P<first>\d{1,2})([/.-])(?P<then>\d{1,2})\2(?P<year>\d{4})",
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})([ /-]?){_MONTH}\2(?P<year>\d{{4}})",
    rf"{_WEEKDAY}{_MONTH}[ -](?P<day>\d{{1,2}}),?[ -](?P<year>\d{{4}})",
    rf"{_MONTH}[ -](?P<year>\d{{4}})",
    r"(?P<year>\d{4})[ -]?Q(?P<quarter>[1-4])",
    r"(?P<year>\d{4})-?W(?P<week>\d\d)(?:-?(?P<weekday>[1-7]))?",
)
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        *(rf"{day}(?:(?:[T ]\s*|:){_CLOCK}\s?(?P<half>[AP]M)?{_ZONE})?" for day in _DAYS),
        rf"{_CLOCK}\s?(?P<half>[AP]M)?{_ZONE}",
        rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>\d\d){_ZONE}",
        rf"(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)T(?P<hour>\d\d)(?P<minute>\d\d)(?:{_SECOND})?{_ZONE}",
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_CLOCK}{_ZONE}\s+(?P<year>\d{{4}})",
    )
)
_QUARTER_MONTHS, _NOON, _MIDNIGHT = 3, 12, 24
_DIGITS = 9  # of nanoseconds
_PER_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OTHER_PARTS = {"name", "half", "quarter", "week"}
_ORDERS = DAY_FIRST, MONTH_FIRST = "day first", "month first"


def is_time(text: str, order: str = "") -> bool:
    """Return whether a text is a date or a time, with day and month in this order or in whichever."""
    return any(_nanoseconds(text, each) is not None for each in ((order,) if order else _ORDERS))


def order_of_days(texts: Iterable[str]) -> str | None:
    """Return the one order of day and month in which all texts are times; None where both orders are."""
    kept = list(texts)
    orders = [o for o in _ORDERS if all(_nanoseconds(text, o) is not None for text in kept)]
    same = len(orders) > 1 and all(_nanoseconds(t, DAY_FIRST) == _nanoseconds(t, MONTH_FIRST) for t in kept)
    return orders[0] if len(orders) == 1 or same else None


def nanoseconds_of(text: str, order: str) -> int:
    """Return the nanoseconds since 1970, or since midnight; `ValueError` for a text that is no time."""
    found = _nanoseconds(text, order)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    return found


def digit_spans(text: str) -> dict[str, slice] | None:
    """Return where the digits of each part stand; None for no time, and for one with parts of other kinds."""
    kept = text.strip().strip('"').strip()
    at = text.find(kept)
    found = next((found for pattern in _PATTERNS if (found := pattern.fullmatch(kept))), None)
    if found is None or not _OTHER_PARTS.isdisjoint(name for name, part in found.groupdict().items() if part):
        return None
    spans = {name: found.span(name) for name, part in found.groupdict().items() if part and name != "zone"}
    if "part" in spans:  # without its mark
        spans["part"] = spans["part"][0] + 1, spans["part"][1]
    return {name: slice(at + start, at + stop) for name, (start, stop) in spans.items()}


def iso_day(text: str, order: str) -> str:
    """Return the date of a time as YYYY-MM-DD."""
    seconds = nanoseconds_of(text, order) // _PER_SECOND
    return (_EPOCH + timedelta(seconds=seconds)).date().isoformat()


def _nanoseconds(text: str, order: str) -> int | None:
    text = text.strip().strip('"').strip()
    for pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            try:
                return _instant(found.groupdict(), order)
            except (ValueError, OverflowError):  # the 30th of February
                return None
    return None


def _instant(part: dict[str, str | None], order: str) -> int:
    hour, minute, second = (int(part.get(name) or 0) for name in ("hour", "minute", "second"))
    if half := part.get("half"):
        hour = hour % _NOON + _NOON * (half.upper() == "PM")
    days = hour == _MIDNIGHT and not minute + second  # the end of a day, as ISO 8601 writes it
    clock = time(hour - _MIDNIGHT * days, minute, second)
    whole = datetime.combine(_date(part, order), clock, UTC) + timedelta(days=days)
    seconds = (whole - _EPOCH) // timedelta(seconds=1) - _offset(part.get("zone") or "")
    return seconds * _PER_SECOND + int((part.get("part") or ".0")[1:].ljust(_DIGITS, "0"))


def _date(part: dict[str, str | None], order: str) -> date:
    if not (digits := part.get("year")):
        return _EPOCH.date()
    year = int(digits)
    if week := part.get("week"):
        return date.fromisocalendar(year, int(week), int(part.get("weekday") or 1))
    if quarter := part.get("quarter"):
        return date(year, _QUARTER_MONTHS * int(quarter) - 2, 1)
    if first := part.get("first"):
        then = str(part["then"])
        day, month = (first, then) if order == DAY_FIRST else (then, first)
        return date(year, int(month), int(day))
    name = part.get("name")
    month_number = _MONTHS.index(name.lower()) + 1 if name else int(part.get("month") or 1)
    return date(year, month_number, int(part.get("day") or 1))


def _offset(zone: str) -> int:
    """Return the seconds by which a zone is ahead of UTC."""
    digits = re.sub(r"[^0-9]", "", zone)
    if not digits:
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if "-" in zone else seconds
