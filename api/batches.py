"""Batches of look-ups: requests that arrive while one query runs share the next, in one thread."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

Key = TypeVar("Key")
Value = TypeVar("Value")
Result = TypeVar("Result")
LARGEST = 1000
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="reads")


async def in_thread(call: Callable[..., Result], *arguments: object) -> Result:
    """Make a call that blocks in a thread of the reads."""
    return await asyncio.get_running_loop().run_in_executor(_threads, call, *arguments)


class Batches(Generic[Key, Value]):
    """Look-ups by key through a function of many keys; no timer delays the first."""

    def __init__(self, load: Callable[[list[Key]], Mapping[Key, Value]]) -> None:
        self._load = load
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Value | None:
        """Return the value of the key, None where there is none."""
        if self._task is None or self._task.done():
            self._waiting.clear()
            self._task = asyncio.create_task(self._run())
        future = self._waiting.setdefault(key, asyncio.get_running_loop().create_future())
        return await asyncio.shield(future)  # one client that hangs up takes nothing from the others

    async def _run(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:LARGEST]
            await self._answer({key: self._waiting.pop(key) for key in keys})

    async def _answer(self, batch: dict[Key, asyncio.Future[Value | None]]) -> None:
        try:
            found = await in_thread(self._load, list(batch))
        except Exception as error:  # noqa: BLE001  it is raised in each request
            await self._answer_apart(batch, error)
            return
        for key, future in batch.items():
            future.set_result(found.get(key))

    async def _answer_apart(self, batch: dict[Key, asyncio.Future[Value | None]], error: Exception) -> None:
        """Look each key up alone, so that a bad row fails its own request alone."""
        if len(batch) == 1 or isinstance(error, SQLAlchemyError):
            for future in batch.values():
                future.set_exception(error)
            return
        for key, future in batch.items():
            await self._answer({key: future})
