"""A browser without a screen, for tests in the process: cookies over https, and forms with their token."""

import random
import re
from ipaddress import IPv6Address
from typing import Any

import httpx
from fastapi.testclient import TestClient

URL = "https://testserver"
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


def new_address() -> str:
    """Return an address from which no other test signs in: failed keys are counted by address."""
    return str(IPv6Address(random.getrandbits(128)))


class FormBrowser:
    """A client that keeps cookies and sends the forms of the pages that it has opened."""

    def __init__(self, api: TestClient, url: str = URL, address: str = "") -> None:
        self.client = TestClient(
            api.app,
            base_url=url,
            follow_redirects=False,
            raise_server_exceptions=False,
            client=(address or new_address(), 50000),
        )
        self.client.portal = api.portal  # one event loop, as in a server

    def open(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        text: str = answer.text
        return text

    def token(self, path: str) -> str:
        found = _TOKEN.search(self.open(path))
        assert found is not None, f"{path} has no form"
        return found[1]

    def send(self, action: str, page: str, **fields: Any) -> httpx.Response:
        """Send a form of a page."""
        answer: httpx.Response = self.client.post(action, data={"form_token": self.token(page), **fields})
        return answer

    def sign_in(self, key: str) -> httpx.Response:
        return self.send("/console/sign-in", "/console/sign-in", key=key)
