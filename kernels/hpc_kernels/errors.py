"""What ends a run before its result: bad input, which a user can mend, or another rank's failure."""

from collections.abc import Iterator
from contextlib import contextmanager

BAD_INPUT = 2  # the exit code


class BadInputError(Exception):
    """The input, the options or the job file are not what the kernel needs; the text says what is."""


class StoppedError(Exception):
    """Another rank has failed and spoken; this one ends silently with the same exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"another rank failed with exit code {exit_code}")
        self.exit_code = exit_code


class UnfitSignalError(ValueError):
    """A signal has not the samples that the kernel needs for these options."""


def cell_place(file: str, row: int, column: int, name: str) -> str:
    """Return how messages name a cell; `row` counts from 1 as people do, `column` from 0."""
    return f"{file}: row {row}, column {column + 1} ({name!r})"


@contextmanager
def unreadable_as_bad_input(file: str, kind: str) -> Iterator[None]:
    """Turn what a library says about a broken file into bad input: there is no list of all it may raise."""
    try:
        yield
    except (BadInputError, MemoryError, PermissionError):
        raise
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInputError(f"{file}: not a whole {kind} file: {said}") from error
