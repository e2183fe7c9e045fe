"""`GET /events?workflow=`: the events of a workflow and of its steps, for its owner alone."""

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.event_streams import STREAM, stream, take, told
from tests.identity import bearer, new_key
from tests.workflows import end_job, end_transfer, new_workflow


def test_the_stream_begins_with_the_history_and_goes_on_with_each_step(url: str) -> None:
    other, flow = str(new_workflow()), str(new_workflow())
    with stream(url, f"/events?workflow={flow}") as events:
        seen = told(take(events, 2))
        fetched = str(end_transfer(flow))
        end_transfer(other)
        seen += told(take(events, 4))
    assert seen[:2] == [(flow, "accepted"), (fetched, "accepted")]
    of_fetched = [state for row, state in seen if row == fetched]
    assert of_fetched == ["accepted", "transferring", "completed"]
    [running, (smooth, begun)] = [each for each in seen[2:] if each[0] != fetched]
    assert running == (flow, "running")
    assert (smooth in {flow, fetched, other}, begun) == (False, "accepted"), "the successor of the input"


def test_it_goes_on_behind_the_last_event_and_ends_with_the_workflow(url: str) -> None:
    flow = str(new_workflow())
    with stream(url, f"/events?workflow={flow}") as events:
        [first, _] = take(events, 2)
    end_transfer(flow)
    end_job(flow, "smooth", fault="a bad file")
    with stream(url, f"/events?workflow={flow}", **{"Last-Event-ID": first.id}) as events:
        seen = list[tuple[str, str]]()
        while not seen or seen[-1] != (flow, "failed"):
            seen += told(take(events, 1))
    assert (flow, "accepted") not in seen
    assert {state for row, state in seen if row == flow} == {"running", "failed"}


@pytest.mark.parametrize("id_", ["x", "0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11"])
def test_an_unknown_workflow_is_404(api: TestClient, id_: str) -> None:
    assert api.get(f"/events?workflow={id_}", headers=STREAM).status_code == 404


def test_a_step_is_no_workflow(api: TestClient) -> None:
    step = end_transfer(str(new_workflow()))
    assert api.get(f"/events?workflow={step}", headers=STREAM).status_code == 404


@pytest.mark.usefixtures("with_accounts")
def test_another_owners_workflow_is_404(url: str) -> None:
    ada, eve = bearer(new_key("ada")), bearer(new_key("eve"))
    flow = new_workflow("ada")
    assert httpx.get(f"{url}/events?workflow={flow}", headers=STREAM | eve).status_code == 404
    with stream(url, f"/events?workflow={flow}", **ada) as events:
        assert take(events, 1)[0].json()["id"] == str(flow)
