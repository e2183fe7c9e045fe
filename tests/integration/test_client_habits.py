"""Habits of HTTP clients: media types, HEAD, Allow, trailing paths, and the rule against foreign pages."""

import gzip
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.settings import get_settings
from tests.application import make_app
from tests.bodies import JOB

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TEXT = json.dumps(JOB)
ORIGIN = "http://testserver"
FORM = "application/x-www-form-urlencoded"
WRITES = [("POST", "/job"), ("POST", "/retry"), ("DELETE", "/credentials/0"), ("POST", "/job/0/cancel")]


def _app(monkeypatch: pytest.MonkeyPatch, **settings: str) -> TestClient:
    for name, value in settings.items():
        monkeypatch.setenv(f"GATEWAY_{name.upper()}", value)
    get_settings.cache_clear()
    return TestClient(make_app(), raise_server_exceptions=False)


@pytest.mark.parametrize("media_type", [None, "", FORM, f"{FORM}; charset=utf-8", "application/json"])
def test_json_is_read_as_json(api: TestClient, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = api.post("/job", content=TEXT, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["services"] == JOB["services"]


@pytest.mark.parametrize("media_type", ["text/plain", "text/plain; charset=utf-8", "multipart/form-data"])
def test_another_media_type_is_refused_by_the_name_of_the_header(api: TestClient, media_type: str) -> None:
    answer = api.post("/job", content=TEXT, headers={"Content-Type": media_type})
    assert answer.status_code == 415
    assert "Content-Type" in answer.json()["detail"]
    assert media_type.partition(";")[0] in answer.json()["detail"]


def test_a_request_without_a_body_needs_no_media_type(api: TestClient) -> None:
    row = api.post("/job", content=TEXT).json()
    cancelled = api.post(f"/job/{row['id']}/cancel", headers={"Content-Type": "text/plain"})
    assert cancelled.status_code == 200


def test_a_form_is_no_json(api: TestClient) -> None:
    assert api.post("/job", data={"services": "fft"}).status_code == 400


@pytest.mark.parametrize("mode", ["none", "keys"])
@pytest.mark.parametrize("write", WRITES, ids=str)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver:8081"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://[::1"},
        {"Origin": "ftp://testserver"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_writes_nothing(
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    write: tuple[str, str],
    headers: dict[str, str],
) -> None:
    client = _app(monkeypatch, auth=mode)
    answer = client.request(*write, content=TEXT, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "WWW-Authenticate" not in answer.headers
    assert client.get("/services", headers=headers).status_code == 200, "only writes are refused"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": ORIGIN},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://testserver:80"},
        {"Origin": "https://testserver"},  # a proxy ends TLS and does not say so
        {"Origin": "https://Portal.example.org:8443", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_own_and_allowed_pages_write(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    client = _app(monkeypatch, allowed_origins="https://portal.example.org:8443/")
    assert client.post("/job", content=TEXT, headers=headers).status_code == 201


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}


def test_a_page_of_an_allowed_origin_reads_answers_and_refusals(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"Origin": "https://portal.example.org"}
    client = _app(monkeypatch, allowed_origins="https://portal.example.org")
    before = client.options("/job", headers=page | PREFLIGHT)
    assert before.status_code == 200
    assert before.headers["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    for answer in (client.get("/job", headers=page), client.post("/job", content="{}", headers=page)):
        assert answer.headers["Access-Control-Allow-Origin"] == page["Origin"]
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("allowed", ["", "https://portal.example.org"])
def test_a_page_of_another_origin_reads_nothing(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    page = {"Origin": "https://evil.example"}
    client = _app(monkeypatch, allowed_origins=allowed)
    assert client.options("/job", headers=page | PREFLIGHT).status_code != 200
    assert "Access-Control-Allow-Origin" not in client.get("/job", headers=page).headers


@pytest.mark.parametrize(("trusted", "expected"), [("testclient", 201), ("192.0.2.1", 403)])
def test_a_trusted_proxy_names_the_services_own_host(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, trusted: str, expected: int
) -> None:
    hosts = "testserver gateway.example.org"
    client = _app(monkeypatch, trusted_proxies=trusted, allowed_hosts=hosts)
    headers = {
        "X-Forwarded-Host": "evil.example, gateway.example.org",
        "X-Forwarded-Proto": "https",
        "Origin": "https://gateway.example.org",
    }
    assert client.post("/job", content=TEXT, headers=headers).status_code == expected


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "127.0.0.1:8080", "127.3.2.1", "[::1]:8080", "a.localhost", "LocalHost."],
)
def test_loopback_names_need_no_list(api: TestClient, host: str) -> None:
    assert api.get("/job", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1", ""]
)
@pytest.mark.parametrize(
    ("chosen", "expected"),
    [({}, 403), ({"auth": "keys"}, 401), ({"open_to_all": "true"}, 200)],
    ids=["without accounts", "keys", "open to all"],
)
def test_a_foreign_host_is_refused_without_accounts(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, host: str, chosen: dict[str, str], expected: int
) -> None:
    client = _app(monkeypatch, **chosen)
    assert client.get("/job", headers={"Host": host}).status_code == expected
    assert client.get("/health/live", headers={"Host": host}).status_code == (403 if expected == 403 else 200)


@pytest.mark.parametrize("host", ["gateway.example.org", "gateway.example.org:80", "Other.example:8080"])
def test_listed_hosts_are_served(api: TestClient, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    client = _app(monkeypatch, allowed_hosts="Gateway.example.org, other.example:8080")
    assert client.get("/job", headers={"Host": host}).status_code == 200
    assert client.get("/job", headers={"Host": "other.example:8081"}).status_code == 403


def _documented(api: TestClient) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = api.get("/openapi.json").json()["paths"]
    return paths


def test_head_is_answered_wherever_get_is(api: TestClient) -> None:
    row = api.post("/job", content=TEXT).json()["id"]
    paths = [path for path, operations in _documented(api).items() if "get" in operations]
    assert len(paths) > 20
    for path in ["/", "/ui", "/openapi.json", *paths]:
        url = path.replace("{name}", "fft" if "services" in path else "hpc").replace("{id}", row)
        if "telemetry" in url or "/log" in url:
            continue  # they wait for a worker
        head, got = api.head(url), api.get(url)
        assert (head.status_code, head.content) == (got.status_code, b""), url
        assert head.headers["content-type"] == got.headers["content-type"], url


def test_405_names_every_method_of_the_path(api: TestClient) -> None:
    for path, operations in _documented(api).items():
        url = path.replace("{name}", "fft" if "services" in path else "hpc").replace("{id}", "0")
        expected = {method.upper() for method in operations} | ({"HEAD"} if "get" in operations else set())
        answer = api.patch(url)
        assert answer.status_code == 405, url
        assert set(answer.headers["allow"].split(", ")) == expected, url


SENTENCES = {
    b"": "the body is empty: send a JSON object",
    b'{"services" 1}': "the body is not JSON: Expecting ':' delimiter at character 12",
    b"[1]": "expected a JSON object, found a list",
    b'"{}"': "expected a JSON object, found a text",
    b"null": "expected a JSON object, found null",
    b'{"services": ["fft"], "infrastructure": "hpc", "params": 1}': (
        "params: expected a JSON object, found a number"
    ),
    '{"services": "größe"}'.encode("latin-1"): (
        "the body is no text in UTF-8; expected a JSON object: send it in UTF-8"
    ),
    b'{"services": ["fft"], "infrastructure": "", "params": {}}': (
        "infrastructure: the text has 0 characters; expected at least 1"
    ),
}


@pytest.mark.parametrize(("body", "says"), SENTENCES.items(), ids=[str(key) for key in SENTENCES])
def test_a_body_that_is_no_object_is_refused_in_words(api: TestClient, body: bytes, says: str) -> None:
    answer = api.post("/job", content=body)
    assert answer.status_code == 400
    assert answer.json()["detail"] == answer.json()["message"] == says


def test_a_packed_body_is_refused_by_its_coding(api: TestClient) -> None:
    answer = api.post("/job", content=gzip.compress(TEXT.encode()), headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, "Content-Encoding gzip" in answer.json()["detail"]) == (400, True)


def test_an_unknown_path_and_method_are_refused_in_words(api: TestClient) -> None:
    assert "/docs lists all of them" in api.get("/jobs").json()["detail"]
    refused = api.delete("/job")
    assert refused.json()["detail"] == "DELETE is no method of this path: use GET, HEAD, POST"
    assert refused.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "moment", ["2026-11-30T08:00:00+01:00", "2026-11-30T08:00:00.5+00:00", "2026-11-30 08:00:00Z"]
)
def test_a_time_whose_plus_is_not_escaped_is_read(api: TestClient, moment: str) -> None:
    assert api.get(f"/job?since={moment}").status_code == 200
    assert api.get("/job", params={"since": moment}).status_code == 200


@pytest.mark.parametrize("moment", ["0.5", "2026-11-30", "2026-11-30T08:00:00", "2026-11-30T08:00 01", "now"])
def test_a_time_without_its_zone_is_refused_in_words(api: TestClient, moment: str) -> None:
    refused = api.get(f"/job?until={moment}")
    assert refused.status_code == 400
    assert "Value error" not in refused.text


@pytest.mark.parametrize("form", ["//job", "/job/", "//job//", "///job"])
def test_spare_slashes_of_a_joined_url_are_no_other_path(api: TestClient, form: str) -> None:
    row = api.post(f"http://testserver{form}", content=TEXT)
    assert row.status_code == 201, row.text
    shown = api.get(f"http://testserver{form.rstrip('/')}//{row.json()['id']}/")
    assert shown.json()["id"] == row.json()["id"]


def test_health_answers(api: TestClient) -> None:
    assert api.get("/health").json() == api.get("/health/ready").json()
    assert api.get("/health/").status_code == 200


@pytest.mark.parametrize("root", ["/hpc", "hpc/", "/portal/hpc"])
def test_the_service_lives_below_a_path(api: TestClient, monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    below = _app(monkeypatch, root_path=root)
    path = f"/{root.strip('/')}"
    for prefix in ("", path):  # of a proxy that strips the path, and of one that does not
        assert below.get(f"{prefix}/services").status_code == 200
        assert below.post(f"{prefix}/job/", content=TEXT).status_code == 201
        assert below.get(f"{prefix}/job").status_code == 200
        assert f'src="{path}/docs/assets/start.js"' in below.get(f"{prefix}/docs").text
        assert below.get(f"{prefix}/docs/assets/start.js").status_code == 200
        assert below.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": path}]
    assert below.get(f"{path}x/services").status_code == 404


def test_the_route_of_a_rewritten_request_is_counted(api: TestClient) -> None:
    api.post("/job", content=TEXT, headers={"Content-Type": FORM})
    api.head("/services")
    metrics = api.get("/metrics").text
    assert 'gateway_http_requests_total{method="POST",route="/job",status="201"}' in metrics
    assert 'gateway_http_requests_total{method="GET",route="/services",status="200"}' in metrics
