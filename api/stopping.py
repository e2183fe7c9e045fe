"""The life of the application: a signal to stop ends waits and streams at once; batches are drained.

The server itself tells the application only after its last request has been answered.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from api.batches import drain_all
from api.changes import changes
from api.event_hub import hub
from gateway.accounts.failed_keys import stop_counting_failed_keys
from gateway.accounts.rate_limit import stop_counting

SIGNALS = (signal.SIGTERM, signal.SIGINT)
Handler = Callable[[int, FrameType | None], object]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Admit requests that wait until the service stops; then carry out the requests in the batches."""
    changes.open()
    hub.open()
    with _at_stop(_end_waits):
        yield
    _end_waits()
    await run_in_threadpool(drain_all)
    await stop_counting()
    await stop_counting_failed_keys()


def _end_waits() -> None:
    changes.close()
    hub.close()


@contextmanager
def _at_stop(call: Callable[[], None]) -> Iterator[None]:
    """Make the call at a signal to stop, before the server does; only the main thread has signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
