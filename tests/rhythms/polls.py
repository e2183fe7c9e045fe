"""A program that polls by one HTTP library: a session with a kept connection for each period.

    python polls.py LIBRARY URL ID SECONDS PERIOD...

Each session asks for the status by GET and by POST in turns. It runs in an environment of its own, which
has the library in the version to be tried, and prints a line of JSON: the requests, and the errors.
"""

import asyncio
import importlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Polls:
    """The requests of one period, and their errors."""

    url: str
    row_id: str
    period_s: float
    until: float
    requests: int = 0
    errors: list[str] = field(default_factory=list)

    def waits(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Yield the seconds until the next request, and the request."""
        due = time.monotonic()
        while due < self.until:
            is_get = self.requests % 2 == 0
            yield max(0.0, due - time.monotonic()), self._get() if is_get else self._post()
            due += self.period_s

    def _get(self) -> dict[str, Any]:
        return {"method": "GET", "url": f"{self.url}/job/{self.row_id}"}

    def _post(self) -> dict[str, Any]:
        return {"method": "POST", "url": f"{self.url}/status", "json": {"ids": [self.row_id]}}

    def add(self, status: object) -> None:
        """Count an answer, or the error instead of it."""
        self.requests += 1
        if status != 200:
            self.errors.append(f"every {self.period_s:g} s: {status!r}")


def poll_blocking(session: Any, polls: Polls) -> None:
    """Poll with a session of requests or httpx."""
    for wait_s, request in polls.waits():
        time.sleep(wait_s)
        try:
            polls.add(session.request(**request, timeout=30).status_code)
        except Exception as error:  # noqa: BLE001  each library has its own errors, and each counts
            polls.add(error)


async def poll_aiohttp(aiohttp: Any, polls: Polls) -> None:
    """Poll with a session of aiohttp."""
    async with aiohttp.ClientSession() as session:
        for wait_s, request in polls.waits():
            await asyncio.sleep(wait_s)
            try:
                async with session.request(**request) as answer:
                    await answer.read()
                    polls.add(answer.status)
            except Exception as error:  # noqa: BLE001  each error of the library counts
                polls.add(error)


async def poll_all_aiohttp(aiohttp: Any, every: list[Polls]) -> None:
    """Poll in each of the periods at once."""
    await asyncio.gather(*(poll_aiohttp(aiohttp, polls) for polls in every))


def poll_all_blocking(library: Any, every: list[Polls]) -> None:
    """Poll in each of the periods at once, each in a thread."""
    make = library.Client if library.__name__ == "httpx" else library.Session
    threads = [threading.Thread(target=poll_blocking, args=(make(), polls)) for polls in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Poll until the time is over."""
    name, url, row_id, seconds, *periods = sys.argv[1:]
    library, until = importlib.import_module(name), time.monotonic() + float(seconds)
    every = [Polls(url, row_id, float(period), until) for period in periods]
    if name == "aiohttp":
        asyncio.run(poll_all_aiohttp(library, every))
    else:
        poll_all_blocking(library, every)
    errors = [error for polls in every for error in polls.errors]
    sys.stdout.write(json.dumps({"requests": sum(polls.requests for polls in every), "errors": errors}))


if __name__ == "__main__":
    main()
