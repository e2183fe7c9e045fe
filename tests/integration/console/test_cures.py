"""Cures: a failed run or row says how it is helped, and the help works."""

import re
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api.console.cures import CURES
from gateway.credentials.sealing import unseal
from gateway.db import session_scope
from gateway.errors import Fault
from gateway.models import Transfer, Workflow
from gateway.states import JobState
from gateway.storage.address import Credentials
from tests.browser import FormBrowser
from tests.ended_rows import failed_transfer
from tests.rows import job, transfer
from tests.workflows import STORE, end_job, end_transfer, new_workflow, show, states, step_id

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEYS = {"input.access_key": "fresh-key", "input.secret_key": "fresh/words"}


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


def _cure(page: str) -> str:
    found = re.search(r"<b>Cure:</b> ([^<]*)", page)
    assert found is not None, page
    return found[1].replace("&#34;", '"').replace("&#39;", "'").strip()


def _path(run_id: str) -> str:
    return f"/console/work/workflow/{run_id}"


def test_each_class_of_failure_has_a_cure(browser: FormBrowser) -> None:
    assert set(CURES) == set(Fault)
    row_id = failed_transfer()
    for fault, cure in CURES.items():
        with session_scope() as session:
            session.get_one(Transfer, row_id).fault = fault
        assert _cure(browser.open(f"/console/work/s3_data/{row_id}")) == cure


def test_wrong_keys_are_cured_on_the_runs_page(api: TestClient, browser: FormBrowser) -> None:
    run_id = str(new_workflow())
    input_id = end_transfer(run_id, fault="the keys are unknown")
    with session_scope() as session:
        session.get_one(Workflow, UUID(run_id)).fault = Fault.CREDENTIALS
    page = browser.open(_path(run_id))
    assert _cure(page) == CURES[Fault.CREDENTIALS]
    assert f'href="/console/work/s3_data/{input_id}"' in page
    half = browser.send(f"{_path(run_id)}/retry", _path(run_id), **{"input.access_key": "one"})
    assert (half.status_code, "secret_key" in half.text) == (400, True)
    answer = browser.send(f"{_path(run_id)}/retry", _path(run_id), **KEYS)
    assert answer.status_code == 303, answer.text
    sealed = transfer(input_id).credentials
    assert sealed is not None
    opened = unseal(sealed)
    assert isinstance(opened, Credentials)
    assert (opened.access_key, opened.secret_key) == ("fresh-key", "fresh/words")
    end_transfer(run_id)
    assert states(show(api, run_id))["smooth"] == "accepted"
    page = browser.open(_path(run_id))
    assert ("Cure:" in page, "fresh/words" in page) == (False, False)


def test_stored_credentials_cure_a_run_and_a_transfer(api: TestClient, browser: FormBrowser) -> None:
    run_id, row_id = str(new_workflow()), failed_transfer()
    input_id = end_transfer(run_id, fault="the keys are unknown")
    given = {"name": "fresh", "endpoint": STORE["endpoint"], "access_key": "k", "secret_key": "s"}
    browser.send("/console/account/credentials", "/console/account", **given)
    transfer_path = f"/console/work/s3_data/{row_id}"
    for path, field, id_ in ((_path(run_id), "input.", input_id), (transfer_path, "", row_id)):
        page = browser.open(path)
        found = re.search(rf'name="{field}credential_id".*?value="([0-9a-f-]{{36}})">fresh<', page)
        assert found is not None
        answer = browser.send(f"{path}/retry", path, **{f"{field}credential_id": found[1]})
        assert answer.status_code == 303, answer.text
        assert transfer(id_).credentials is not None


def test_a_lack_of_time_is_cured_on_the_page_of_the_job(api: TestClient, browser: FormBrowser) -> None:
    run_id = str(new_workflow())
    end_transfer(run_id)
    end_job(run_id, "smooth", fault="the time ran out", state=JobState.TIMEOUT)
    page = browser.open(_path(run_id))
    assert _cure(page) == CURES[Fault.LIMIT]
    link = re.search(r'<a href="(/console/work/job/[^"]+)">Open the failed step', page)
    assert link is not None
    assert "Retry with other resources" in browser.open(link[1])
    assert browser.send(f"{link[1]}/retry", link[1], **{"resources.time_limit_s": "600"}).status_code == 303
    assert job(step_id(run_id, "smooth")).resources["time_limit_s"] == 600
    end_job(run_id, "smooth")
    status = show(api, run_id)
    assert (status["state"], states(status)["spectrum"]) == ("running", "accepted")


def test_refused_input_is_cured_by_other_options(api: TestClient, browser: FormBrowser) -> None:
    run_id = str(new_workflow())
    end_transfer(run_id)
    end_job(run_id, "smooth", fault="window_length is longer than the signal")
    with session_scope() as session:
        session.get_one(Workflow, UUID(run_id)).fault = Fault.INPUT
    page = browser.open(_path(run_id))
    assert _cure(page) == CURES[Fault.INPUT]
    again = re.search(r'class="button" href="(/console/start\?run=[^"]+)"', page)
    assert again is not None
    step = browser.open(f"/console/work/job/{step_id(run_id, 'smooth')}")
    assert (f'href="{_path(run_id)}">its run<' in step, f'href="{again[1]}"' in step) == (True, True)
    form = browser.open(again[1])
    for name in ("then-fft", "service-savitzky_golay"):
        assert re.search(rf'id="{name}" checked', form)


def test_keys_for_a_retry_are_not_taken_over_plain_http(far: FormBrowser) -> None:
    run_id, row_id = str(new_workflow()), failed_transfer()
    end_transfer(run_id, fault="the keys are unknown")
    for path, keys in (
        (_path(run_id), KEYS),
        (f"/console/work/s3_data/{row_id}", {"access_key": "a", "secret_key": "b"}),
    ):
        assert not re.search('name="[^"]*secret_key"', far.open(path))
        assert far.send(f"{path}/retry", path, **keys).status_code == 403
        assert far.send(f"{path}/retry", path).status_code == 303
