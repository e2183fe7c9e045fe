"""Foreign ids at every route of the API and of the console: another owner's row is as unknown as any."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Route

from api.console.routes import router
from gateway.callers import Caller, Scope
from gateway.credentials.stored import store_credential
from gateway.db import session_scope
from gateway.events.webhooks.deliveries import start_trial
from gateway.settings import get_settings
from gateway.storage.address import Credentials
from gateway.uploads.files import accept_file
from tests.browser import FormBrowser
from tests.identity import bearer, new_key
from tests.rows import new_job, new_transfer
from tests.webhooks import new_webhook
from tests.workflows import new_workflow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA = Caller("ada", Scope.USER)
STORE = {"ENDPOINT": "https://files.example.org", "BUCKET": "own", "ACCESS_KEY": "a", "SECRET_KEY": "s"}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_NAMES = {"service": "fft", "stream": "stdout"}


@pytest.fixture(autouse=True)
def _store(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the gateway a store of its own, which signing does not reach."""
    for name, value in STORE.items():
        monkeypatch.setenv(f"GATEWAY_STORE_{name}", value)
    get_settings.cache_clear()


def _rows() -> dict[str, UUID]:
    """Make a row of each kind for ada; return their ids by the first word of their routes."""
    new_key(ADA.owner)
    found = {kind: new_transfer(kind, owner="ada") for kind in ("data", "s3_data", "s3_result")}
    found |= {"job": new_job(owner="ada"), "workflow": new_workflow("ada")}
    found["webhooks"], _ = new_webhook(caller=ADA)
    with session_scope() as session:
        found["files"] = accept_file(session, "ada", "x.csv", 6 << 30).id
        keys = Credentials("a", "s")
        found["credentials"] = store_credential(session, "ada", "n", "https://s3.example.org", keys).id
        found["delivery"] = start_trial(session, ADA, found["webhooks"]).id
    return found


def _fill(path: str, row_id: UUID, delivery: UUID) -> str:
    for name, value in {**_NAMES, "id": row_id, "delivery_id": delivery}.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path


def _api_routes(api: TestClient) -> Iterator[tuple[str, str]]:
    for path, methods in api.get("/openapi.json").json()["paths"].items():
        if "{id}" in path:
            yield from ((method.upper(), path) for method in methods)


def _console_routes() -> Iterator[tuple[str, str]]:
    for route in router.routes:
        assert isinstance(route, Route)
        kinds = ("data", "s3_data", "s3_result", "job", "workflow") if "{kind}" in route.path else ("",)
        if "{id}" in route.path:
            for kind in kinds:
                path = route.path.replace("{kind}", kind)
                yield from ((method, path) for method in (route.methods or set()) - {"HEAD"})


def _row_of(path: str, rows: dict[str, UUID]) -> UUID:
    words = path.strip("/").split("/")
    return next(rows[word] for word in words if word in rows)


def _told(answer: Any) -> tuple[int, str]:
    text = answer.text if "json" not in answer.headers["content-type"] else str(answer.json()["detail"])
    return answer.status_code, _ID.sub("ID", text)


def test_no_route_of_the_api_knows_it(with_keys: TestClient) -> None:
    rows, eve = _rows(), bearer(new_key("eve"))
    wrong, routes = [], list(_api_routes(with_keys))
    for method, path in routes:
        body = {"upload_id": "u"} if path.endswith("/parts") else None
        told = [
            _told(with_keys.request(method, _fill(path, row_id, delivery), headers=eve, json=body))
            for row_id, delivery in ((_row_of(path, rows), rows["delivery"]), (uuid4(), uuid4()))
        ]
        if told[0] != told[1] or told[0][0] != 404:
            wrong.append((method, path, told))
    assert (wrong, len(routes) > 30) == ([], True)


def test_no_page_of_the_console_knows_it(with_keys: TestClient) -> None:
    rows, browser = _rows(), FormBrowser(with_keys)
    browser.sign_in(new_key("eve"))
    wrong, routes, token = [], list(_console_routes()), browser.token("/console/account")
    for method, path in routes:
        data = {"form_token": token} if method == "POST" else None
        told = [
            _told(browser.client.request(method, _fill(path, row_id, delivery), data=data))
            for row_id, delivery in ((_row_of(path, rows), rows["delivery"]), (uuid4(), uuid4()))
        ]
        if told[0] != told[1] or told[0][0] not in {400, 404}:
            wrong.append((method, path, told[0][0], told[1][0]))
    assert (wrong, len(routes) > 20) == ([], True)
