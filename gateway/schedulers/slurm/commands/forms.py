"""The choice between a command's JSON, which Slurm has since 21.08, and its lines; a change is told once."""

import logging
import re
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from gateway.errors import SchedulerError
from gateway.schedulers.slurm.commands.documents import UNKNOWN_LAYOUT

_Records = TypeVar("_Records")
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})", re.ASCII)
FIRST_WITH_JSON = (21, 8)
_log = logging.getLogger(__name__)


class Forms:
    """The form in which each command is read; `ask_version` returns the output of `sinfo --version`."""

    def __init__(self, ask_version: Callable[[], str]) -> None:
        self._ask_version = ask_version
        self._by_lines: set[str] = set()

    def load(
        self, command: str, by_json: Callable[[], _Records], by_lines: Callable[[], _Records]
    ) -> _Records:
        """Load the records by JSON, or by lines where JSON is not there, not understood or too large."""
        if self._has_json and command not in self._by_lines:
            try:
                return by_json()
            except (SchedulerError, *UNKNOWN_LAYOUT) as error:
                if isinstance(error, SchedulerError) and error.transient:
                    raise
                _log.warning("%s is read by lines, as its JSON cannot be used: %s", command, error)
                self._by_lines.add(command)
        try:
            return by_lines()
        except UNKNOWN_LAYOUT as error:
            raise SchedulerError(f"the output of {command} cannot be read: {error}") from error

    @cached_property
    def _has_json(self) -> bool:
        found = _VERSION.search(self._ask_version())
        if found is None or (int(found[1]), int(found[2])) >= FIRST_WITH_JSON:
            return True
        _log.warning("Slurm %s has no JSON before 21.08: its commands are read by lines", found[0])
        return False
