"""What ends a run before its result: bad input, which a user can mend, or another rank's failure."""


class BadInputError(Exception):
    """The input, the options or the job file are not what the kernel needs; the text says what is."""


class StoppedError(Exception):
    """Another rank has failed and spoken; this one ends silently with the same exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"another rank failed with exit code {exit_code}")
        self.exit_code = exit_code


class UnfitSignalError(ValueError):
    """A signal has not the samples that the kernel needs for these options."""
