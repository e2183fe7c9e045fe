"""Errors of a part of a request, with the field's location in the whole request."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from gateway.errors import Invalid


@contextmanager
def within_field(prefix: str, *, alone: Collection[str] = (), drop: str = "") -> Iterator[None]:
    """Raise an Invalid of the block again with its field below the prefix.

    The fields `alone` stand for the prefix itself; `drop` is removed from the start of the others.
    """
    try:
        yield
    except Invalid as error:
        below = "" if error.field in alone else error.field.removeprefix(drop)
        field = f"{prefix}.{below}" if below else prefix
        raise Invalid(_without(error.detail, error.field), field=field) from error


def _without(detail: str, field: str) -> str:
    """Return the sentence without the field in front of it."""
    return detail.removeprefix(f"{field}: ").removeprefix(f"{field} ")
