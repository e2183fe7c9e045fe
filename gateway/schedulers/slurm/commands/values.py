"""The values of Slurm's documents, whose layout differs between versions: read as hostile input."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

# The flags beside a job's base state, in the order in which Slurm's own words prefer them to it.
_FLAGS = (
    "COMPLETING",
    "STAGE_OUT",
    "CONFIGURING",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "STOPPED",
    "REVOKED",
    "RESV_DEL_HOLD",
    "SIGNALING",
)
_LATEST = 1 << 33  # seconds since 1970, in the year 2242


def number(value: Any) -> int | None:
    """Return a number, which newer versions wrap with marks for "not set" and "no limit"."""
    if isinstance(value, dict):
        if not value.get("set", True) or value.get("infinite"):
            return None
        value = value.get("number")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(value: Any) -> str:
    """Return a text; anything else is an error of the layout."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of a text")
    return value


def state_word(value: Any) -> str:
    """Return a job's state as one word, of a word or of a list of base state and flags."""
    words = [value] if isinstance(value, str) else [text(word) for word in value]
    if not words:
        raise ValueError("no state")
    return next((flag for flag in _FLAGS if flag in words), words[0])


def moment(value: Any) -> datetime | None:
    """Return a time of seconds since 1970; 0 and absent ones are none."""
    seconds = number(value)
    if seconds is None or not 0 < seconds < _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def exit_status(value: Any) -> tuple[int | None, int | None]:
    """Return exit code and signal; old versions give the status of `wait`."""
    if isinstance(value, dict):
        signal = value.get("signal") or {}
        return number(value.get("return_code")), number(signal.get("id", signal.get("signal_id")))
    status = number(value)
    return (None, None) if status is None else (status >> 8, status & 0x7F)


def as_list(value: Any) -> Iterable[Any]:
    """Return a list; anything else is an error of the layout."""
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} in place of a list")
    return value
