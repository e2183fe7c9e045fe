"""Clients that hang up while their new work waits: rows stay whole, and the service goes on."""

import socket

import httpx
import pytest

from tests.application import make_app
from tests.bodies import DATA
from tests.door import Door, whole_rows
from tests.polling import until
from tests.servers import served

MANY = 200


@pytest.mark.usefixtures("database", "sends")
def test_two_hundred_leave_whole_rows_and_a_service_that_answers(door: Door) -> None:
    door.opened.clear()
    with served(make_app()) as url:
        request = httpx.Request("POST", f"{url}/s3_data", json=DATA)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        text = f"POST /s3_data HTTP/1.1\r\n{head}\r\n".encode() + request.content
        clients = [socket.create_connection((request.url.host, request.url.port or 0)) for _ in range(MANY)]
        for client in clients:
            client.sendall(text)
        until("all requests wait", lambda: door.number == MANY)
        for client in clients:
            client.close()
        door.opened.set()
        answer = httpx.post(f"{url}/s3_data", json=DATA, timeout=30)
        assert answer.status_code == 201
    rows = whole_rows()
    assert len(rows) == MANY + 1
    assert answer.json()["id"] in rows
