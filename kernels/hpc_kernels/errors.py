"""Errors that end a job: bad input, which the user can mend, and the failure of another rank."""

from collections.abc import Iterator
from contextlib import contextmanager

# The exit codes.
BAD_INPUT = 2
LACK_OF_MEMORY = 3

REQUEST_MORE = "request more with resources.memory_bytes, or use more ranks"


class BadInputError(Exception):
    """Bad input, options or job file; the message says which value was expected and which one was found."""


class LackOfMemoryError(BadInputError):
    """The input needs more memory than the rank may use: a job with more memory can succeed."""


class StoppedError(Exception):
    """Another rank has failed and printed its error; this rank ends silently with the same exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"another rank failed with exit code {exit_code}")
        self.exit_code = exit_code


class UnfitSignalError(ValueError):
    """A signal has fewer samples than the kernel needs with these options."""


def cell_place(file: str, row: int, column: int, name: str) -> str:
    """Return the place of a cell for a message; `row` counts from 1, `column` from 0."""
    return f"{file}: row {row}, column {column + 1} ({name!r})"


@contextmanager
def unreadable_as_bad_input(file: str, kind: str) -> Iterator[None]:
    """Raise `BadInputError` for any exception that a library raises inside while it reads `file`.

    The libraries document no complete list of their exceptions.
    """
    try:
        yield
    except (BadInputError, MemoryError, PermissionError):
        raise
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInputError(f"{file}: not a whole {kind} file: {said}") from error
