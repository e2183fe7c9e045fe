"""The pages of the console: content, owners, headers, hostile texts, errors and actions."""

import re
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.console.assets import FOLDER, TYPES
from api.console.headers import HEADERS
from gateway.callers import Scope
from gateway.clusters.heartbeats import forget_slots, record_slots
from gateway.db import session_scope
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import JobState, TransferState
from tests.browser import FormBrowser
from tests.ended_rows import claim_transfer, ended_job, failed_transfer
from tests.identity import new_key
from tests.rows import job, new_job, new_transfer, transfer
from tests.uploads import finish_job

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAGES = [
    "/",
    "/console/work/job",
    "/console/work/s3_data",
    "/console/work/s3_result",
    "/console/work/data",
    "/console/clusters",
    "/console/overview",
    "/console/account",
]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "{{ 7 * 191 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;&#60;i&#62;",
]


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


class Checked(HTMLParser):
    """A page: its elements with attributes; inline scripts, styles and handlers are errors."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        assert not [name for name in named if name.startswith("on") or name == "style"], (tag, named)
        assert tag != "style"
        assert tag != "script" or named.get("src")
        for name in ("href", "src", "action", "hx-get"):
            assert (named.get(name) or "/").startswith(("/", "#")), (tag, named)
        self.elements.append((tag, named))


def test_every_page_is_there_with_safe_headers_and_no_inline_code(browser: FormBrowser) -> None:
    failed_transfer()
    ended_job(JobState.OUT_OF_MEMORY)
    for path in PAGES:
        answer = browser.client.get(path)
        assert answer.status_code == 200, path
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == "no-store"
        tags = [tag for tag, _ in Checked(answer.text).elements]
        assert (tags.count("h1"), tags.count("main"), tags[0]) == (1, 1, "html"), path
        part = browser.client.get(path, headers={"HX-Request": "true"}).text
        assert "<html" not in part or path == "/console/account"
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert re.search(r"unsafe|\*|data:|https?:", policy) is None


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_of_others_stay_texts(browser: FormBrowser, text: str) -> None:
    failed_id, job_id = failed_transfer(reason=text), new_job("fft", read_input_data=f"/{text}.csv")
    with session_scope() as session:
        session.get_one(Transfer, failed_id).object = text
        session.get_one(Job, job_id).reason = text
    shown = [
        *("/", "/console/work/s3_data", f"/console/work/s3_data/{failed_id}", f"/console/work/job/{job_id}"),
        "/console/overview",
    ]
    for path in shown:
        page = browser.open(path)
        Checked(page)
        assert text not in page or not re.search("[<>\"'&]", text), path
        assert "1337" not in page
    Checked(browser.client.get("/console/work/s3_data", params={"reason": text, "infrastructure": text}).text)
    Checked(browser.client.get(f"/console/{text}").text)


def test_another_owners_row_does_not_exist(with_keys: TestClient) -> None:
    row_id, job_id = failed_transfer(owner="ada"), new_job("fft", owner="ada")
    eve, operator = FormBrowser(with_keys), FormBrowser(with_keys)
    eve.sign_in(new_key("eve"))
    operator.sign_in(new_key("op", Scope.OPERATOR))
    for path in (f"/console/work/s3_data/{row_id}", f"/console/work/job/{job_id}"):
        page = eve.open(path, 404)
        unknown = eve.open(path.rsplit("/", 1)[0] + f"/{uuid4()}", 404)
        assert re.sub("[0-9a-f-]{36}", "", page) == re.sub("[0-9a-f-]{36}", "", unknown)
        assert eve.client.get(f"{path}/live").status_code == 404
        assert eve.client.get("/console/find", params={"id": path[-36:]}).status_code == 404
        assert operator.client.get("/console/find", params={"id": path[-36:]}).headers["location"] == path
        assert "ada" in operator.open(path.rsplit("/", 1)[0])
    for action in ("retry", "cancel"):
        assert eve.send(f"/console/work/s3_data/{row_id}/{action}", "/console/account").status_code == 404
    assert str(row_id) not in eve.open("/console/work/s3_data")
    group = {"infrastructure": "hpc", "reason": "the bucket is missing"}
    assert "0 retried" in eve.send("/console/work/s3_data/retry", "/console/account", **group).text
    assert transfer(row_id).state is TransferState.FAILED
    assert "1 retried" in operator.send("/console/work/s3_data/retry", "/console/account", **group).text


def test_a_row_shows_its_progress_reason_and_history_and_is_cancelled(browser: FormBrowser) -> None:
    row_id = new_transfer()
    claim_transfer(row_id)
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.bytes_total, row.bytes_done, row.bytes_per_s = 2_000_000, 500_000, 250_000
    path = f"/console/work/s3_data/{row_id}"
    page = browser.open(path)
    assert [
        text
        for text in ("500 kB of 2 MB", "250 kB/s", "accepted", "curl", "$AWS_SECRET_ACCESS_KEY")
        if text not in page
    ] == []
    assert browser.send(f"{path}/cancel", path, reason="no longer needed").headers["location"] == path
    assert "by <bdi>console</bdi>" in browser.open(path)


def test_a_failed_row_is_retried_with_other_keys_or_resources(browser: FormBrowser) -> None:
    row_id, job_id = failed_transfer(), ended_job(JobState.OUT_OF_MEMORY, "out of memory")
    path = f"/console/work/s3_data/{row_id}"
    half = browser.send(f"{path}/retry", path, access_key="only one")
    assert (half.status_code, "secret_key" in half.text) == (400, True)
    answer = browser.send(f"{path}/retry", path, access_key="new", secret_key="hidden/words")
    assert answer.status_code == 303
    assert "hidden/words" not in browser.open(path)
    job_path = f"/console/work/job/{job_id}"
    assert "out of memory" in browser.open(job_path)
    for much in ("much", "nan", "1e999", "-1"):
        bad = browser.send(f"{job_path}/retry", job_path, **{"resources.memory_gib": much})
        assert (bad.status_code, "memory" in bad.text) == (400, True), bad.text
    given = {"resources.memory_gib": "1.5", "resources.time_limit_s": "600"}
    assert browser.send(f"{job_path}/retry", job_path, **given).status_code == 303
    assert job(job_id).resources["time_limit_s"] == 600
    again = browser.send(f"{job_path}/retry", job_path)
    assert (again.status_code, "only ended work can be retried" in again.text) == (409, True)


def test_a_finished_job_shows_its_results(browser: FormBrowser, tmp_path: Path) -> None:
    job_id = finish_job(tmp_path / "home")
    page = browser.open(f"/console/work/job/{job_id}")
    assert f"/console/work/job/{job_id}/outputs/fft/preview" in page
    assert "CSVFormate/FFT_Filter_output.csv" in page
    assert "Download" not in page, "there is no bucket of the gateway's own"
    assert browser.client.get(f"/console/work/job/{job_id}/outputs/kalman/preview").status_code == 404


def test_a_live_part_answers_at_once_when_the_known_state_is_old(browser: FormBrowser) -> None:
    row_id = failed_transfer()
    part = browser.client.get(f"/console/work/s3_data/{row_id}/live", params={"known": '"old"'})
    assert part.status_code == 200
    assert "hx-get" not in part.text, "a row that has ended is no longer asked for"
    assert "the bucket is missing" in part.text


def test_a_page_of_a_name_that_points_here_is_not_served(api: TestClient) -> None:
    """DNS rebinding points the name of a foreign page at this service: its requests are then same-site."""
    row_id = failed_transfer()
    rebound = FormBrowser(api, "http://evil.example")
    shown = [*PAGES, "/console/start", f"/console/work/s3_data/{row_id}/live", "/console/static/0/console.js"]
    for path in shown:
        answer = rebound.client.get(path)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), path
        assert "GATEWAY_ALLOWED_HOSTS" in answer.text
    for action in (f"/console/work/s3_data/{row_id}/retry", "/console/start", "/console/account/webhooks"):
        assert rebound.client.post(action, headers={"Origin": "http://evil.example"}).status_code == 403
    assert transfer(row_id).state is TransferState.FAILED


@pytest.mark.parametrize(
    ("url", "expected"),
    [("", ""), ("http://127.0.0.1:5555", "http://127.0.0.1:5555"), ("https://h/flower/", "https://h/flower")],
)
def test_the_pages_of_rows_link_to_their_tasks_in_flower(
    browser: FormBrowser, monkeypatch: pytest.MonkeyPatch, url: str, expected: str
) -> None:
    monkeypatch.setattr(get_settings(), "flower_url", url)
    for kind, row_id, name in (("s3_data", failed_transfer(), "transfers"), ("job", new_job("fft"), "jobs")):
        page = browser.open(f"/console/work/{kind}/{row_id}")
        there = f'href="{expected}/tasks?name={name}.%20args:{row_id}"'
        assert there in page if url else "Flower" not in page


def test_the_page_of_clusters_tells_by_whom_they_are_served(with_keys: TestClient) -> None:
    with session_scope() as session:
        record_slots(session, "hpc", "hpc@login1", 4)
    for scope, words in (
        (Scope.USER, "served by 1 worker<"),
        (Scope.OPERATOR, "served by <code>hpc@login1</code> (4"),
    ):
        visitor = FormBrowser(with_keys)
        visitor.sign_in(new_key("ada", scope))
        page = visitor.open("/console/clusters")
        assert (words in page, "login1" in page) == (True, scope is not Scope.USER)
    with session_scope() as session:
        forget_slots(session, "hpc", "hpc@login1")
    assert "served by" not in visitor.open("/console/clusters")


def test_the_link_to_flower_is_for_operators(with_keys: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_settings(), "flower_url", "http://127.0.0.1:5555")
    row_id, ada = failed_transfer(owner="ada"), FormBrowser(with_keys)
    ada.sign_in(new_key("ada"))
    assert "5555" not in ada.open(f"/console/work/s3_data/{row_id}")


def test_the_console_knows_the_path_below_which_it_lives(api: TestClient) -> None:
    failed_transfer()
    below = TestClient(api.app, base_url="http://testserver", root_path="/hpc")
    for path in ("/", "/console/work/s3_data", "/console/account"):
        for tag, named in Checked(below.get(path).text).elements:
            for name in ("href", "src", "action", "hx-get"):
                assert (named.get(name) or "/hpc/").startswith(("/hpc/", "#")), (path, tag, named)


def test_files_are_small_known_and_licensed(browser: FormBrowser) -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert {str(path.relative_to(FOLDER)) for path in files} == set(TYPES)
    assert sum(path.stat().st_size for path in files) < 200_000
    links = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', browser.open("/"))
    for link in links:
        answer = browser.client.get(link)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    version = links[0].split("/")[3]
    for name in ("../pages.py", "%2e%2e/pages.py", "console.html", ""):
        assert browser.client.get(f"/console/static/{version}/{name}").status_code == 404
    old = browser.client.get("/console/static/0/console.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")


def test_templates_have_no_code_of_their_own(settings: None) -> None:
    for path in (Path(__file__).parents[3] / "api/console/templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "| safe" not in text, path
        assert re.search(r"\s[\w-]+=[{]{2}", text) is None, f"{path}: an attribute without quotes"
