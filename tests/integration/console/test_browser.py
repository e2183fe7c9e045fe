"""The console in chromium: barriers, policy, live changes, the keyboard, no script, foreign pages."""

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from gateway.db import session_scope
from gateway.models import Job, Transfer, Workflow
from gateway.states import TransferState
from tests.chromium import Opened
from tests.ended_rows import failed_transfer, moving_transfer
from tests.identity import new_key
from tests.rows import new_job, transfer
from tests.servers import served
from tests.webhooks import URL

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SIZES = [320, 768, 1440]
HOSTILE = '"><img src=/x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }}'


def test_a_webhook_is_added_by_hand_and_its_secret_is_read(opened: Opened) -> None:
    watched = opened("/console/account")
    page = watched.page
    page.get_by_text("Add a webhook").click()
    page.get_by_label("Address", exact=True).fill(URL)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Secret")).to_contain_text("whsec_")
    assert watched.barriers() == []
    page.get_by_role("link", name="To the webhook").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("table")).to_contain_text("webhook.test")


def test_a_live_change_is_shown_without_a_reload(opened: Opened) -> None:
    row_id, job_id = moving_transfer(), new_job("fft")
    page = opened(f"/console/work/s3_data/{row_id}").page
    expect(page.locator("#live")).to_contain_text("1 MB of 4 MB")
    listed = opened("/console/work/job").page
    with session_scope() as session:
        session.get_one(Transfer, row_id).bytes_done = 3_000_000
        session.get_one(Job, job_id).reason = "it waits for a free node"
    expect(page.locator("#live")).to_contain_text("3 MB of 4 MB")
    expect(listed.locator("main")).to_contain_text("it waits for a free node")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#live")).to_contain_text("by console")


def test_a_double_click_starts_one_run(opened: Opened) -> None:
    page = opened("/console/start").page
    page.locator("#input-path").check()
    page.get_by_label("Path below the data folder").fill("/Init_Data/x.csv")
    page.locator("#service-fft").check()
    page.locator("#start").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("fft")
    with session_scope(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(Workflow)) == 1


def test_a_page_says_that_the_gateway_does_not_answer_until_it_does(opened: Opened) -> None:
    watched = opened("/console/work/job")
    page = watched.page
    silence = page.get_by_text("The gateway does not answer.")
    lists = "**/console/work/job?*"
    for refuse in (lambda route: route.abort(), lambda route: route.fulfill(status=503)):
        page.route(lists, refuse)
        expect(silence).to_be_visible()
        page.unroute(lists)
        expect(silence).to_be_hidden()
    watched.problems.clear()  # the browser tells of the requests that failed


def test_a_page_without_a_clipboard_has_no_button_for_it(opened: Opened) -> None:
    watched = opened()
    page = watched.page
    page.goto(path := f"/console/work/s3_data/{failed_transfer()}")
    page.get_by_text("curl", exact=True).click()
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(path)
    page.get_by_text("curl", exact=True).click()
    expect(page.get_by_label("curl")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_the_keyboard_reaches_and_retries_a_group_of_failures(opened: Opened) -> None:
    rows = [failed_transfer() for _ in range(2)]
    page = opened().page
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="2 failed")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Retry all 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 retried")
    assert {transfer(row_id).state for row_id in rows} == {TransferState.ACCEPTED}


def test_the_focus_stays_at_its_link_while_the_list_changes(opened: Opened) -> None:
    watched, other = new_job("fft"), new_job("kalman")
    page = opened("/console/work/job").page
    link = page.locator(f'a[href$="{watched}"]')
    for reason in ("it waits for a free node", "it waits for a licence"):
        link.focus()
        with session_scope() as session:
            session.get_one(Job, other).reason = reason
        expect(page.locator("main")).to_contain_text(reason)
        expect(link).to_be_focused()
        new_job("fft")


def test_the_focus_follows_a_group_of_failures_to_another_place(opened: Opened) -> None:
    failed_transfer("the bucket is missing")
    page = opened().page
    page.get_by_role("button", name="Retry it").focus()
    failed_transfer("the key is unknown")
    expect(page.locator(".groups li")).to_have_count(2)
    focused = page.locator(".groups li:has(button:focus)")
    expect(focused).to_contain_text("the bucket is missing")


def test_a_marked_text_and_a_list_without_news_stay(opened: Opened) -> None:
    job = new_job("fft")
    with session_scope() as session:
        session.get_one(Job, job).reason = "it waits for a free node"
    page = opened("/console/work/job").page
    page.evaluate("getSelection().selectAllChildren(document.querySelector('td .reason'))")
    with page.expect_response(lambda answer: answer.url.endswith("/console/work/job?")):
        pass
    new_job("kalman")
    with page.expect_response(lambda answer: "kalman" in answer.text() and "/work/job" in answer.url):
        pass
    assert page.evaluate("getSelection().toString()") == "it waits for a free node"
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("main")).to_contain_text("kalman")


def test_without_script_pages_are_read_and_forms_work(opened: Opened) -> None:
    failed = failed_transfer()
    watched = opened("/console/work/s3_data", java_script_enabled=False)
    page = watched.page
    page.get_by_text("Filter").click()
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="b/o.csv").click()
    expect(page.locator("main")).to_contain_text("the bucket is missing")
    page.get_by_role("button", name="Retry").first.click()
    expect(page.locator("#live")).to_contain_text("attempt 2")
    assert transfer(failed).state is TransferState.ACCEPTED


def test_filters_by_time_are_in_the_readers_zone_and_the_address_is_in_utc(opened: Opened) -> None:
    path = "/console/work/job?since=2026-11-30T08:00&until=2026-07-01T08:00:30%2B02:00"
    for script, names, values in (
        (False, ["Since (UTC)", "Until (UTC)"], ["2026-11-30T08:00", "2026-07-01T06:00:30"]),
        (True, ["Since (Asia/Tokyo)", "Until (Asia/Tokyo)"], ["2026-11-30T17:00", "2026-07-01T15:00:30"]),
    ):
        page = opened(path, java_script_enabled=script, timezone_id="Asia/Tokyo").page
        fields = [page.get_by_label(name) for name in names]
        assert [field.input_value() for field in fields] == values
        page.get_by_role("button", name="Apply").click()
        assert "since=2026-11-30T08%3A00&until=2026-07-01T06%3A00%3A30&" in page.url
    fields[0].fill("2026-11-30T15:30")
    fields[1].fill("")
    page.get_by_role("button", name="Apply").click()
    assert "since=2026-11-30T06%3A30&until=&" in page.url
    assert fields[0].input_value() == "2026-11-30T15:30"


def test_hostile_texts_run_nothing(opened: Opened) -> None:
    row_id = failed_transfer(HOSTILE)
    with session_scope() as session:
        session.get_one(Transfer, row_id).object = HOSTILE
    for path in ("/", "/console/work/s3_data", f"/console/work/s3_data/{row_id}", "/console/overview"):
        page = opened(path).page
        expect(page.locator("main")).to_contain_text("<script>alert(2)</script>{{ 7 * 7 }}")
        assert page.locator("main img, main script").count() == 0


def test_a_key_signs_in_and_the_page_comes_back_after_it(
    opened: Opened, api: TestClient, with_keys: TestClient
) -> None:
    watched = opened("/console/work/job")
    page = watched.page
    page.get_by_label("API key").fill("hgk_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known here")
    watched.problems.clear()  # the browser tells of the answer 401
    assert watched.barriers() == []
    page.get_by_label("API key").fill(new_key("ada"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Work")
    assert page.evaluate("document.cookie") == ""
    page.goto("/console/account")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_foreign_page_neither_frames_nor_sends_forms(chrome: Browser, url: str) -> None:
    row_id = failed_transfer()
    foreign = FastAPI()

    @foreign.get("/")
    def attack() -> HTMLResponse:
        return HTMLResponse(
            f'<iframe src="{url}/console/account"></iframe>'
            f'<form method="post" target="other" action="{url}/console/work/s3_data/{row_id}/retry">'
            '<input name="form_token" value="x"><button>go</button></form><iframe name="other"></iframe>'
        )

    with served(foreign) as elsewhere:
        context = chrome.new_context()
        context.new_page().goto(url)  # the victim has the console's cookie
        page = context.new_page()
        page.goto(elsewhere.replace("127.0.0.1", "localhost"))
        page.frames[1].wait_for_url("chrome-error://chromewebdata/", wait_until="commit")
        with page.expect_response(lambda answer: "/retry" in answer.url) as answered:
            page.get_by_role("button").click()
        assert answered.value.status == 403
        context.close()
    assert transfer(row_id).state is TransferState.FAILED
