"""Tracebacks for logs: the text of an exception is left out where it may repeat a secret."""

import traceback
from collections.abc import Iterator
from types import TracebackType

from gateway.cleaning import clean
from gateway.errors import GatewayError

LEFT_OUT = "(its text is left out: it may repeat a secret)"
# Packages that build signed requests or handle keys; an exception of theirs may quote a header or a key.
_SECRET_PACKAGES = (
    *("gateway.credentials", "gateway.egress", "gateway.encryption", "gateway.storage"),
    *("boto3", "botocore", "cryptography"),
)


def format_exception(error: BaseException) -> str:
    """Return the traceback with its causes; each exception by its type, place and, if harmless, its text."""
    parts = [_format_one(each) for each in reversed(list(_chain(error)))]
    return "\nthen:\n".join(parts)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception, its cause or context, and so on."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _format_one(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"Traceback (most recent call last):\n{frames}{name}: {harmless_text(error)}".rstrip(": ")


def harmless_text(error: BaseException) -> str:
    """Return the text of an exception, unless it may repeat a secret; a GatewayError's never does."""
    if isinstance(error, GatewayError):
        return error.detail
    if isinstance(error, ValueError) or any(map(_handles_secrets, _modules(error.__traceback__))):
        return LEFT_OUT
    return clean(str(error))


def _modules(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield str(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next


def _handles_secrets(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in _SECRET_PACKAGES)
