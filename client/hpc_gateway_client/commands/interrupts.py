"""SIGINT, SIGTERM and SIGHUP as KeyboardInterrupt, which a block may put off once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130  # the exit status


class Interrupts:
    """Handlers of the signals for the time of a `with` block; a signal that was ignored stays ignored.

    A signal that comes after an interrupted block, while the process ends, ends it at once.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._note: Callable[[], None] | None = None
        self._noted = False
        self._raised = False

    def __enter__(self) -> Self:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, _end if self._raised else handler)

    @contextmanager
    def put_off(self, note: Callable[[], None]) -> Iterator[None]:
        """Call `note` at the first signal; raise KeyboardInterrupt at the end of the block or the second."""
        self._note = note
        try:
            yield
        except Exception as error:
            if self._noted:
                raise KeyboardInterrupt from error
            raise
        finally:
            self._note = None
        if self._noted:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        note, self._note = self._note, None
        self._raised = True
        if note is None:
            raise KeyboardInterrupt
        self._noted = True
        note()


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
