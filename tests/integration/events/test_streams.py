"""Server-sent events: each event once and in order, replays, resets, limits, owners, keys, the end."""

import asyncio
import json
import socket
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient

from api import event_hub, event_streams
from api.event_hub import Subscription, hub
from gateway.db import session_scope
from gateway.events.feed import FeedScope
from gateway.jobs import lifecycle as jobs
from gateway.models import Job, Transfer
from gateway.operations.retention import delete_row
from tests.ended_rows import submit_job
from tests.event_streams import STREAM, cancel, end, stream, take, told
from tests.polling import until
from tests.rows import new_job, new_transfer
from tests.workflows import new_workflow


def test_each_event_comes_once_and_in_order_with_id_state_and_data(url: str) -> None:
    with stream(url) as events:
        row_id, moved = new_job("fft"), new_transfer("s3_data")
        cancel(row_id)
        seen = take(events, 4)
    job_id = str(row_id)
    assert told(seen) == [
        (job_id, "accepted"),
        (str(moved), "accepted"),
        *((job_id, state) for state in ("accepted", "cancelled")),
    ]
    data = seen[-1].json()
    assert (data["kind"], data["infrastructure"], data["owner"]) == ("job", "hpc", "local")
    assert (data["from_state"], data["to_state"]) == ("accepted", "cancelled")
    assert data["at"].endswith("Z")
    history = httpx.get(f"{url}/job/{row_id}/events").json()
    assert [{name: data[name] for name in history[-1]}] == history[-1:]
    assert seen[-1].id == end()


def test_a_stream_goes_on_behind_the_last_event_id(url: str) -> None:
    with stream(url) as events:
        first = new_job("fft")
        [seen] = take(events, 1)
    missed = [new_job("fft") for _ in range(3)]
    with stream(url, **{"Last-Event-ID": seen.id}) as events:
        live = new_job("fft")
        told_ids = [event.json()["id"] for event in take(events, 4)]
    assert told_ids == [str(each) for each in (*missed, live)]
    assert str(first) not in told_ids


def test_a_replay_of_many_windows_brings_each_event_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.events.feed.WINDOW", 2)
    row_ids = [new_job("fft") for _ in range(7)]
    with stream(url, **{"Last-Event-ID": "0-0"}) as events:
        row_ids.append(new_job("fft"))
        assert [event.json()["id"] for event in take(events, 8)] == [str(each) for each in row_ids]


def test_a_rows_stream_begins_with_its_history_and_shows_that_row_alone(url: str) -> None:
    row_id, other = new_job("fft"), new_job("fft")
    submit_job(row_id)
    with stream(url, f"/job/{row_id}/events") as events:
        before = take(events, 3)
        cancel(other)
        cancel(row_id)
        [after] = take(events, 1)  # the watcher ends it
    assert told(before) == [(str(row_id), state) for state in ("accepted", "submitting", "pending")]
    assert after.json()["reason"] == "cancel requested"
    with stream(url, f"/job/{row_id}/events", **{"Last-Event-ID": before[1].id}) as events:
        assert [event.id for event in take(events, 2)] == [before[2].id, after.id]


@pytest.mark.parametrize("kind", ["data", "s3_data", "s3_result"])
def test_each_kind_of_transfer_has_streams(url: str, kind: str) -> None:
    row_id = new_transfer(kind)
    with stream(url, f"/{kind}/{row_id}/events") as events:
        [event] = take(events, 1)
    assert (event.json()["kind"], event.json()["id"]) == (kind, str(row_id))


def test_a_workflow_has_a_stream_and_its_steps_have_theirs(url: str) -> None:
    row_id = str(new_workflow())
    with stream(url, f"/workflow/{row_id}/events") as events:
        [event] = take(events, 1)
    assert (event.event, event.json()["kind"], event.json()["id"]) == ("accepted", "workflow", row_id)
    with stream(url, **{"Last-Event-ID": "0-0"}) as events:
        assert {each.json()["kind"] for each in take(events, 2)} == {"workflow", "s3_data"}


def test_the_children_of_a_prefix_are_in_their_own_streams_alone(url: str) -> None:
    parent, child = new_transfer(), new_transfer()
    with session_scope() as session:
        session.get_one(Transfer, child).parent_id = parent
    with stream(url, **{"Last-Event-ID": "0-0"}) as events:
        later = new_job("fft")
        assert [event.json()["id"] for event in take(events, 2)] == [str(parent), str(later)]
    with stream(url, f"/s3_data/{child}/events") as events:
        assert take(events, 1)[0].json()["id"] == str(child)


def test_a_place_before_pruned_events_is_reset(url: str) -> None:
    old, kept = new_job("fft"), new_job("fft")
    cancel(old)
    with session_scope() as session:
        delete_row(session, session.get_one(Job, old))
    at_reset = end()
    with stream(url, **{"Last-Event-ID": "0-0"}) as events:
        [reset] = take(events, 1)
        cancel(kept)
        later = take(events, 2)
    assert (reset.event, reset.id) == ("reset", at_reset)
    assert told(later) == [(str(kept), "accepted"), (str(kept), "cancelled")]
    with stream(url, f"/job/{kept}/events", **{"Last-Event-ID": "0-0"}) as events:
        assert [event.event for event in take(events, 3)] == ["accepted", "accepted", "cancelled"]


def test_a_place_that_this_database_never_had_is_reset(url: str) -> None:
    row_id = new_job("fft")
    for path in ("/events", f"/job/{row_id}/events"):
        with stream(url, path, **{"Last-Event-ID": f"{2**62}-1"}) as events:
            assert take(events, 1)[0].event == "reset"


def test_a_silent_stream_brings_comments(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "COMMENT_S", 0.05)
    with httpx.stream("GET", f"{url}/events", headers=STREAM, timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(5)] == [":"] * 5


def test_comments_come_every_fifteen_seconds() -> None:
    assert event_streams.COMMENT_S == 15


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/*"])
def test_without_the_media_type_there_is_no_stream(api: TestClient, accept: str | None) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = api.get("/events", headers=headers)
    assert answer.status_code == 406
    assert "Accept: text/event-stream" in answer.json()["detail"]
    row_id = new_job("fft")
    assert [event["to_state"] for event in api.get(f"/job/{row_id}/events", headers=headers).json()] == [
        "accepted"
    ]


@pytest.mark.parametrize("place", ["x", "1", "1-", "-1", "1-2-3", f"{2**63}-1", "0x1-2"])
def test_a_malformed_place_is_400_and_named(api: TestClient, place: str) -> None:
    row_id = new_job("fft")
    for path in ("/events", f"/job/{row_id}/events"):
        answer = api.get(path, headers=STREAM | {"Last-Event-ID": place})
        assert (answer.status_code, "id of an event" in answer.json()["detail"]) == (400, True)


def test_a_stream_of_an_unknown_row_is_404(api: TestClient) -> None:
    row_id = new_job("fft")
    for path in ("/job/x/events", f"/job/{UUID(int=1)}/events", f"/s3_data/{row_id}/events"):
        assert api.get(path, headers=STREAM).status_code == 404


def test_head_is_answered_without_a_stream(api: TestClient) -> None:
    answer = api.head("/events", headers=STREAM)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_full_queue_is_emptied_and_the_stream_replays(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "MOST_QUEUED", 2)
    with stream(url) as events:
        row_ids = [str(new_job("fft")) for _ in range(30)]
        assert [event.json()["id"] for event in take(events, 30)] == row_ids


def test_a_subscription_gives_up_queueing_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "MOST_QUEUED", 2)
    subscription = Subscription("ada", FeedScope(), None)
    subscription.start()
    frames: list[Any] = [object() for _ in range(4)]
    for frame in frames:
        subscription.put(frame)
    assert subscription.is_lagging
    assert subscription._frames == []  # noqa: SLF001  the memory of a slow reader


def test_replays_of_an_owner_leave_places_to_others() -> None:
    async def replay(owner: str) -> None:
        async with hub.replay_turn(owner):
            running.append(owner)
            await asyncio.sleep(3600)

    async def replay_all() -> None:
        tasks = [asyncio.create_task(replay(owner)) for owner in [*"aaaaaaaa", "b"]]
        for _ in range(10):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    running, hub = list[str](), event_hub.EventHub()
    asyncio.run(replay_all())
    assert sorted(running) == ["a", "a", "b"]


def test_many_streams_share_one_reader_of_the_events(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stream reads for itself, and one event is encoded once for all."""
    replays, encoded = list[Any](), list[Any]()
    encode = event_hub.encode_frame

    def counted(event: Any) -> Any:
        encoded.append(event)
        return encode(event)

    monkeypatch.setattr(event_hub, "encode_frame", counted)
    monkeypatch.setattr(event_streams.EventStream, "_read", lambda *_: replays.append(1))
    ports = int(url.rpartition(":")[2])
    head = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
    sockets = [socket.create_connection(("127.0.0.1", ports), timeout=30) for _ in range(60)]
    try:
        for each in sockets:
            each.sendall(head)
        until("all streams are open", lambda: hub.number == len(sockets))
        row_id = str(new_job("fft")).encode()
        for each in sockets:
            seen = b""
            while row_id not in seen:
                seen += each.recv(65536)
    finally:
        for each in sockets:
            each.close()
    assert (replays, len(encoded)) == ([], 1)


def test_the_data_of_an_event_is_one_line(url: str) -> None:
    row_id = new_job("fft")
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id), "ada\r\nid: 9-9", "why\n\nevent: forged\ndata: {}")
    with stream(url, f"/job/{row_id}/events") as events:
        seen = take(events, 3)
    assert [event.event for event in seen] == ["accepted", "accepted", "cancelled"]
    assert "forged" in json.loads(seen[1].data)["reason"]
