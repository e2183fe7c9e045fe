"""Hostile fields and queries of the console: none of them is answered with an error of the server."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Route

from api.console.routes import router
from tests.browser import FormBrowser
from tests.integration.console.test_runs import FIELDS, START
from tests.rows import new_job, new_transfer
from tests.webhooks import new_webhook
from tests.workflows import new_workflow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOSTILE = {"many digits": "9" * 5000, "NUL": "a\0b"}
NUMBERS = {
    **HOSTILE,
    "markup": '"><script>',
    "large": "9" * 18,
    "not a number": "nan",
    "infinite": "1e999",
    "other digits": "٣",
}
NAMES = (
    *("name", "size", "url", "events", "description", "reason", "key", "cursor", "state", "since", "until"),
    *("service", "fault", "parent", "known", "run", "points", "signals", "credential_id", "access_key"),
    *("secret_key", "endpoint", "infrastructure", "resources.time_limit_s", "resources.memory_gib", "next"),
)
NUMERIC = (
    *("num_mpi_procs", "perforation_stride", "resources.time_limit_s", "resources.memory_gib"),
    *("fft.sampling_rate", "fft.window"),
)
ASKS_A_WORKER = ("/log/", "preview", "figures")  # it waits some seconds for the answer
NO_SERVER_ERROR = {501}


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


def _routes(row_ids: dict[str, UUID]) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route, with rows that exist."""
    values = {"service": "fft", "delivery_id": uuid4(), "key_id": "k", "version": "v", "name": "n"}
    for route in router.routes:
        assert isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}:
            for kind, row_id in row_ids.items():
                path = route.path
                for name, value in {**values, "id": row_id, "kind": kind}.items():
                    path = path.replace(f"{{{name}}}", str(value))
                yield method, path


@pytest.mark.parametrize("name", HOSTILE)
def test_no_route_fails(browser: FormBrowser, name: str) -> None:
    hook_id, _ = new_webhook()
    row_ids = {"job": new_job("fft"), "s3_data": new_transfer(), "workflow": new_workflow(), "hook": hook_id}
    token, failed = browser.token(START), []
    for method, path in dict.fromkeys(_routes(row_ids)):
        if path.endswith(("sign-out", "/live")) or any(part in path for part in ASKS_A_WORKER):
            continue
        for fields in (
            dict.fromkeys(NAMES, HOSTILE[name][:1000]),
            {"size": HOSTILE[name], "name": "x"},
            {"cursor": HOSTILE[name]},
        ):
            sent = {"data": {"form_token": token, **fields}} if method == "POST" else {"params": fields}
            status = browser.client.request(method, path, **sent).status_code
            if status >= 500 and status not in NO_SERVER_ERROR:
                failed.append((method, path, status, list(fields)))
    assert failed == []


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_of_a_run_fails(browser: FormBrowser, name: str) -> None:
    token = browser.token(START)
    for field in NUMERIC:
        for more in ({}, {"show": "1"}):
            answer = browser.client.post(
                START, data={"form_token": token, **FIELDS, field: NUMBERS[name], **more}
            )
            assert answer.status_code < 500, (field, more, answer.text)
