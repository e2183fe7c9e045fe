"""A look at a table before a run: the input is staged alone, and the form starts a run on it."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.console.looked_tables import find_look
from gateway.callers import LOCAL
from gateway.db import session_scope
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.transfers.lifecycle import complete
from gateway.workflows import looks
from tests.browser import FormBrowser
from tests.ended_rows import claim_transfer
from tests.identity import new_key
from tests.workflows import STORE, end_job, show

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
START = "/console/start"
FIELDS: dict[str, Any] = {
    "infrastructure": "hpc",
    "input": "s3",
    **{f"input.{name}": value for name, value in STORE.items()},
    "look": "table",
}


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


def _look(browser: FormBrowser) -> str:
    """Look at the table of the fields, and return the address of the form with it."""
    answer = browser.send(START, START, **FIELDS)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def _transfers() -> list[Transfer]:
    with session_scope(read_only=True) as session:
        return list(session.scalars(select(Transfer)))


def _complete(row_id: UUID) -> None:
    claim = claim_transfer(row_id)
    with session_scope() as session:
        complete(session, claim, 5)


def test_a_table_is_staged_shown_and_run(api: TestClient, browser: FormBrowser) -> None:
    there = _look(browser)
    row_id = UUID(there.removeprefix(f"{START}?s3_data="))
    page = browser.open(there)
    assert f'hx-get="/console/work/s3_data/{row_id}/table"' in page
    [name] = re.findall(r'name="input.path" value="([^"]+)"', page)
    assert re.fullmatch(r"/Init_Data/looks/[0-9a-f-]{36}/table\.csv", name)
    assert re.search(r'value="path" id="input-path" checked', page)
    _complete(row_id)
    chosen = {"infrastructure": "hpc", "input": "path", "input.path": name, "service": "kalman"}
    started = browser.send(START, there, **chosen)
    assert started.status_code == 303, started.text
    run = show(api, started.headers["location"].rpartition("/")[2])
    assert [(step["name"], step["state"]) for step in run["steps"]] == [("kalman", "accepted")]
    with session_scope(read_only=True) as session:
        assert session.get_one(Transfer, row_id).path == f"serrano/data{name}"
    end_job(run["id"], "kalman")
    page = browser.open(f"/console/work/workflow/{run['id']}")
    assert f'data-beneath="/console/work/s3_data/{row_id}/preview?points=1000&amp;beneath=true"' in page
    assert f'hx-get="/console/work/s3_data/{row_id}/table"' in page
    with session_scope(read_only=True) as session:
        found = [find_look(session, LOCAL, path) for path in (name, name.replace("table", "other"))]
    assert [row and row.id for row in found] == [row_id, None]
    preview = f"/console/work/s3_data/{row_id}/preview"
    assert browser.client.get(preview).status_code == 404
    assert browser.client.get(f"{preview}?beneath=true").status_code == 204


def test_a_look_leaves_the_rest_of_the_form_and_takes_no_key_into_the_address(browser: FormBrowser) -> None:
    filled = {"service": ["fft", "kalman"], "fft.window": "hann", "has_output": "yes", "output.bucket": "out"}
    answer = browser.send(START, START, **FIELDS, **filled, **{"output.secret_key": "very/secret"})
    address = answer.headers["location"]
    assert [word for word in ("secret", "access_key", "form_token", "input.") if word in address] == []
    page = browser.open(address)
    checked = set(re.findall(r'id="([\w-]+)" checked', page))
    assert checked >= {"service-fft", "service-kalman", "has_output", "input-path"}
    assert ("<option selected>hann" in page, 'value="out"' in page) == (True, True)
    [name] = re.findall(r'name="input.path" value="([^"]+)"', page)
    again = {"infrastructure": "hpc", "input": "path", "input.path": name, "service": "fft"}
    refused = browser.send(START, address, **again, **{"fft.window": "square"})
    assert (refused.status_code, "The table" in refused.text) == (400, True)


def test_a_long_form_is_left_out_of_the_address(browser: FormBrowser) -> None:
    answer = browser.send(START, START, **FIELDS, **{"table.columns": "a," * 3000})
    assert len(answer.headers["location"]) < 100


def test_keys_in_an_address_do_not_fill_the_form(browser: FormBrowser) -> None:
    page = browser.open(f"{_look(browser)}&output.access_key=planted&input.endpoint=https://evil.example")
    assert ("planted" in page, "evil.example" in page) == (False, False)


@pytest.mark.parametrize(
    ("end", "words"),
    [(None, "on its way to the cluster: 0 B"), ("no such bucket", "did not reach the cluster: no such")],
)
def test_a_look_tells_where_its_file_is(browser: FormBrowser, end: str | None, words: str) -> None:
    row_id = UUID(_look(browser).removeprefix(f"{START}?s3_data="))
    if end:
        with session_scope() as session:
            row = session.get_one(Transfer, row_id)
            row.state, row.reason = TransferState.FAILED, end
    assert words in browser.open(f"/console/work/s3_data/{row_id}/table")


@pytest.mark.parametrize("path", ["", "/Init_Data/looks/x/t.csv", f"/Init_Data/looks/{'-' * 36}/t.csv"])
def test_another_input_is_no_looked_table(settings: None, path: str) -> None:
    assert looks.id_of_path(path) is None


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"input": "path", "input.path": "/Init_Data/x.csv"}, 400, "is read when a run begins"),
        ({"input.bucket": "", "input.object": ""}, 400, "1. Input: fill in Bucket and Object"),
        ({"input.access_key": "", "input.secret_key": ""}, 400, "1. Input: fill in the keys of the store"),
        ({"input": "file", "input.file": str(uuid4())}, 400, "input"),
        ({"input": "none"}, 400, "exactly one of s3, url, file and path"),
        ({"input.endpoint": "http://127.0.0.1:1"}, 400, "GATEWAY_ALLOWED_ENDPOINTS"),
        ({"infrastructure": "nowhere"}, 404, "nowhere"),
    ],
)
def test_a_refusal_is_told_and_stages_nothing(
    browser: FormBrowser, fields: dict[str, str], status: int, words: str
) -> None:
    answer = browser.send(START, START, **{**FIELDS, **fields})
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert STORE["secret_key"] not in answer.text
    assert _transfers() == []


def test_another_owners_table_does_not_exist(with_keys: TestClient) -> None:
    ada, eve = FormBrowser(with_keys), FormBrowser(with_keys)
    ada.sign_in(new_key("ada"))
    eve.sign_in(new_key("eve"))
    there = _look(ada)
    assert "The table" in ada.open(there)
    for address in (there, f"{START}?s3_data={uuid4()}", f"{START}?data={there.rpartition('=')[2]}"):
        assert eve.client.get(address).status_code == 404


def test_keys_for_a_look_are_not_taken_over_plain_http(far: FormBrowser) -> None:
    assert far.send(START, START, **FIELDS).status_code == 403
    assert _transfers() == []
