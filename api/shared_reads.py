"""Shared reads: equal requests share a read that has not begun, and few reads run at once."""

import threading
from asyncio import Future, get_running_loop
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

from api.batches import settle

AT_ONCE = 4
PATIENCE_S = 0.05
Key = TypeVar("Key")
Result = TypeVar("Result")


class SharedReads(Generic[Key, Result]):
    """The requests that wait for a blocking read, by the key of the read.

    A read begins after the arrival of all requests that it answers, so none of them gets an older result.
    """

    def __init__(self, name: str, read: Callable[[Key], Result]) -> None:
        self._read = read
        self._waiting: dict[Key, list[Future[Result]]] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=name)

    async def result_of(self, key: Key) -> Result:
        """Return the result for the key, or raise its error."""
        future: Future[Result] = get_running_loop().create_future()
        with self._lock:
            waiting = self._waiting.setdefault(key, [])
            waiting.append(future)
        if len(waiting) == 1:
            self._threads.submit(self._run, key)
        return await future

    def _run(self, key: Key) -> None:
        with self._one_at_a_time():
            with self._lock:
                futures = self._waiting.pop(key)
            result: Result | Exception
            try:
                result = self._read(key)
            except Exception as error:  # noqa: BLE001  it is raised where the requests wait
                result = error
        settle((future, result) for future in futures)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Wait for the other reads, but not for long: the database may be slow with one of them.

        Threads that compute at once take each other's time.
        """
        has_turn = self._turn.acquire(timeout=PATIENCE_S)
        try:
            yield
        finally:
            if has_turn:
                self._turn.release()
