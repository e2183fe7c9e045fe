"""The query of a signed URL is shown to its owner alone, in every answer that an operator may read."""

import io
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from gateway.callers import Scope
from gateway.db import session_scope
from gateway.errors import StorageError
from gateway.models import Transfer
from gateway.settings import Settings
from gateway.storage.address import without_query
from gateway.storage.opening import open_remote
from gateway.work.failures import record_failure
from tests.bodies import DATA
from tests.browser import FormBrowser
from tests.ended_rows import claim_transfer
from tests.identity import bearer, new_key
from tests.raw import answering, serving
from tests.workflows import STORE, TARGET, body

CANARY = "CANARY7c1f"
QUERY = f"X-Amz-Signature={CANARY}&sig={CANARY}"
SRC = f"https://example.org/dir/a.csv?{QUERY}"
WEB = {"src": SRC, "dst": "serrano/data/a.csv", "infrastructure": "hpc"}


def _fail(row_id: UUID, reason: str) -> None:
    claim = claim_transfer(row_id)
    with session_scope() as session:
        record_failure(session, session.get_one(Transfer, claim.id), StorageError(reason))


def _forbidden(url: str) -> str:
    """Return the error of a server that refuses the URL."""
    with serving(answering(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")) as there:
        source = there + url[url.index("?") :]
        with pytest.raises(StorageError) as caught:
            open_remote(source, None, Settings(allowed_endpoints=["127.0.0.1"])).ask()
    return caught.value.detail


@pytest.mark.parametrize("scope", [Scope.OPERATOR, Scope.ADMIN])
def test_no_answer_to_an_operator_holds_the_query(
    with_keys: TestClient, json_log: io.StringIO, scope: Scope
) -> None:
    ada, op = bearer(new_key("ada")), bearer(new_key("op", scope))
    made = with_keys.post("/data", json=WEB, headers=ada).json()
    url = f"/data/{made['id']}"
    assert with_keys.get(url, headers=op).json()["src"] == "https://example.org/dir/a.csv?..."
    _fail(UUID(made["id"]), _forbidden(SRC))
    once = op | {"Idempotency-Key": "a key"}
    answers = [
        *(with_keys.get(place, headers=op) for place in (url, "/data", f"{url}/events", "/overview")),
        *(with_keys.post(f"{url}/retry", headers=once, json={"by": "op"}) for _ in range(2)),
        with_keys.post(f"{url}/cancel", headers=op),
        with_keys.post("/retry", headers=op, json={}),
        with_keys.get("/metrics", headers=op),
    ]
    for answer in answers:
        assert answer.is_success, answer.text
        assert CANARY not in answer.text
    assert CANARY not in json_log.getvalue()
    assert with_keys.get(url, headers=ada).json()["src"] == SRC
    assert with_keys.get("/data", headers=ada).json()["items"][0]["src"] == SRC


def test_the_query_of_an_endpoint_is_hidden_as_well(with_keys: TestClient) -> None:
    ada, op = bearer(new_key("ada")), bearer(new_key("op", Scope.OPERATOR))
    endpoint = f"https://s3.example.org/?{QUERY}"
    made = with_keys.post("/s3_data", json={**DATA, "endpoint": endpoint}, headers=ada).json()
    keys = {"name": "n", "endpoint": endpoint, "access_key": "a", "secret_key": "b"}
    stored = with_keys.post("/credentials", json=keys, headers=ada).json()
    assert (made["endpoint"], stored["endpoint"]) == (endpoint, endpoint)
    for place in (f"/s3_data/{made['id']}", "/s3_data", "/credentials", f"/credentials/{stored['id']}"):
        answer = with_keys.get(place, headers=op)
        assert answer.is_success
        assert CANARY not in answer.text


@pytest.mark.parametrize("source", ["url", "s3"])
def test_the_query_of_a_workflows_stores_is_the_owners_alone(with_keys: TestClient, source: str) -> None:
    signed = {"url": SRC, "s3": STORE | {"endpoint": f"https://s3.example.org/?{QUERY}"}}
    output = {"s3": TARGET | {"endpoint": f"https://s3.example.org/?{QUERY}"}}
    request = body(input={source: signed[source]}, output=output)
    ada, op = new_key("ada"), new_key("op", Scope.OPERATOR)
    made = with_keys.post("/workflow", json=request, headers=bearer(ada)).json()
    step, kind = made["steps"][0]["id"], made["steps"][0]["kind"]
    pages = [f"/console/start?run={made['id']}", f"/console/work/workflow/{made['id']}"]
    pages += [f"/console/work/{kind}/{step}", f"/console/work/{kind}", "/console/work/workflow", "/"]
    api_pages = [f"/workflow/{made['id']}", "/workflow", f"/workflow/{made['id']}/events", f"/{kind}/{step}"]
    shown = {"ada": FormBrowser(with_keys), "op": FormBrowser(with_keys)}
    shown["ada"].sign_in(ada)
    shown["op"].sign_in(op)
    texts = [shown["op"].open(page) for page in pages]
    texts += [with_keys.get(page, headers=bearer(op)).text for page in api_pages]
    assert [CANARY in text for text in texts] == [False] * len(texts)
    assert CANARY in shown["ada"].open(pages[0])


def test_without_accounts_the_one_owner_sees_it(api: TestClient) -> None:
    assert api.post("/data", json=WEB).json()["src"] == SRC
    assert api.get("/data").json()["items"][0]["src"] == SRC


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/x", "https://h/x"),
        ("https://h/x?a=b#c", "https://h/x?..."),
        ("https://h/x#token", "https://h/x?..."),
        ("ftp://h/x?", "ftp://h/x?..."),
        ("https://h?sig=a/b?c", "https://h?..."),
    ],
)
def test_a_url_ends_before_its_query(url: str, shown: str) -> None:
    assert without_query(url, "?...") == shown
    assert without_query(url) == shown.removesuffix("?...")
