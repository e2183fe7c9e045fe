"""A started API, killed again and again under load: each key has one row, and each row is sent or waits."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count

import httpx
import pytest

from hpc_gateway_commands.demo.services import LOOPBACK, free_ports
from tests.bodies import DATA
from tests.door import whole_rows
from tests.polling import until

KILLS, CLIENTS, POSTS = 8, 16, 100
LONGEST_S = 0.1


class _Api:
    """The API as a process on one port."""

    def __init__(self) -> None:
        [port] = free_ports(1)
        self.url = f"http://{LOOPBACK}:{port}"
        self._words = [sys.executable, "-m", "hpc_gateway_client", "serve", "--port", str(port)]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._words)
        until("the API answers", self._answers)

    def end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(30)

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/live").is_success
        return False


class _Clients:
    """Clients that post with a key of its own each, and repeat it until they are answered."""

    def __init__(self, url: str) -> None:
        self.ids: dict[str, str] = {}
        self.is_over = threading.Event()
        self._url = url

    @contextmanager
    def posting(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            done = [pool.submit(self._post, name) for name in range(CLIENTS)]
            try:
                yield
            finally:
                self.is_over.set()
        for each in done:
            each.result()

    def _post(self, name: int) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            for number in count():
                if self.is_over.is_set():
                    return
                key = f"{name}-{number}"
                self.ids[key] = until(f"{key} is answered", lambda key=key: self._answer(client, key))  # type: ignore[misc]

    def _answer(self, client: httpx.Client, key: str) -> str:
        with suppress(httpx.TransportError):
            answer = client.post("/s3_data", json=DATA, headers={"Idempotency-Key": key})
            assert answer.status_code == httpx.codes.CREATED, answer.text
            return str(answer.json()["id"])
        return ""


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("database", "broker")
def test_each_key_has_one_row_that_is_sent_or_waits() -> None:
    api, chance = _Api(), random.Random(19)  # noqa: S311 (repeatable)
    clients = _Clients(api.url)
    with clients.posting():
        for _ in range(KILLS):
            before = len(clients.ids)
            until("requests are answered", lambda before=before: len(clients.ids) > before + POSTS)  # type: ignore[misc]
            threading.Event().wait(chance.uniform(0, LONGEST_S))
            api.end(signal.SIGKILL)
            api.start()
    api.end(signal.SIGTERM)
    assert len(set(clients.ids.values())) == len(clients.ids), "each key has a row of its own"
    assert whole_rows() == set(clients.ids.values()), "no answered row is lost, and none is doubled"
