"""Status reads: the bytes of the documented shapes, entity tags, many statuses at once."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter
from sqlalchemy import update

from api.schemas.listing import HistoryEvent
from api.schemas.shapes import MOST_IDS, SHAPES
from gateway.callers import LOCAL, Scope
from gateway.db import session_scope
from gateway.models import Event, Job, Transfer, Workflow
from gateway.states import JobState, TransferState
from gateway.work import transitions
from gateway.work.listing import Kind
from tests.identity import bearer, new_key
from tests.rows import job, new_job, new_transfer, transfer
from tests.workflows import new_workflow, workflow

WHOLE_SECOND = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ODD = 'ä "quoted" \\ \x7f \u2028 \U0001f600 </script>'
TRANSFERS: list[Kind] = ["data", "s3_data", "s3_result"]


def _set(row_id: UUID, **values: Any) -> None:
    with session_scope() as session:
        model = next(each for each in (Transfer, Job, Workflow) if session.get(each, row_id) is not None)
        session.execute(update(model).where(model.id == row_id).values(**values))


def _expected(kind: Kind, row_id: UUID) -> bytes:
    show = SHAPES[kind].of
    if kind == "workflow":
        return show(workflow(row_id), LOCAL).model_dump_json().encode()
    return show(job(row_id) if kind == "job" else transfer(row_id), LOCAL).model_dump_json().encode()


def _new(kind: Kind) -> UUID:
    if kind == "workflow":
        return new_workflow()
    return new_job("fft", "min_max", kalman={"r": 1e-5}) if kind == "job" else new_transfer(kind)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_new_row_is_shown_in_the_bytes_of_its_shape(api: TestClient, kind: Kind) -> None:
    row_id = _new(kind)
    assert api.get(f"/{kind}/{row_id}").content == _expected(kind, row_id)


@pytest.mark.parametrize("kind", TRANSFERS)
@pytest.mark.parametrize("state", TransferState)
def test_every_state_of_a_transfer_is_shown_as_its_shape_says(
    api: TestClient, kind: Kind, state: TransferState
) -> None:
    row_id = new_transfer(kind)
    figures = {"bytes_total": 2**40, "bytes_done": 7, "bytes_per_s": 3, "estimated_end_at": WHOLE_SECOND}
    _set(
        row_id, state=state, reason=ODD, fault="network", children={"failed": 1}, parent_id=uuid4(), **figures
    )
    _set(row_id, endpoint="https://x.example.org/a?sig=1", object=ODD, created_at=WHOLE_SECOND)
    assert api.get(f"/{kind}/{row_id}").content == _expected(kind, row_id)


@pytest.mark.parametrize("state", JobState)
def test_every_state_of_a_job_is_shown_as_its_shape_says(api: TestClient, state: JobState) -> None:
    row_id = new_job("fft")
    output = {"service": "fft", "path": ODD, "bytes": 2**40, "sha256": "0" * 64}
    _set(row_id, state=state, exit_code=-9, outputs=[output, output], warnings=[ODD], scheduler_id="7")
    _set(row_id, usage={"cpu_s": 1e-7, "wall_s": 1e22, "ranks": [1.0, None, True]}, resources={"time": "1h"})
    _set(row_id, submitted_at=WHOLE_SECOND, started_at=datetime.now(UTC), ended_at=None)
    assert api.get(f"/job/{row_id}").content == _expected("job", row_id)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_list_shows_the_same_bytes(api: TestClient, kind: Kind) -> None:
    row_ids = [_new(kind) for _ in range(3)]
    page = b",".join(_expected(kind, row_id) for row_id in reversed(row_ids))
    expected = b'{"items":[%b],"next":null,"counts":{"accepted":3}}' % page
    assert api.get(f"/{kind}").content == expected


def test_a_history_shows_the_bytes_of_its_shape(api: TestClient) -> None:
    row_id = new_job("fft")
    with session_scope() as session:
        transitions.note(session, session.get_one(Job, row_id), ODD, "ada")
    with session_scope() as session:
        session.execute(update(Event).where(Event.actor == "ada").values(at=WHOLE_SECOND))
    with session_scope(read_only=True) as session:
        events = transitions.events(session, session.get_one(Job, row_id))
    shown = [HistoryEvent.model_validate(event) for event in events]
    assert api.get(f"/job/{row_id}/events").content == TypeAdapter(list[HistoryEvent]).dump_json(shown)
    assert len(shown) == 2


@pytest.mark.parametrize("kind", SHAPES)
def test_the_tag_of_an_unchanged_row_gives_304_and_that_of_a_changed_one_200(
    api: TestClient, kind: Kind
) -> None:
    row_id = _new(kind)
    first = api.get(f"/{kind}/{row_id}")
    tag = first.headers["ETag"]
    same = api.get(f"/{kind}/{row_id}", headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert api.get(f"/{kind}/{row_id}").headers["ETag"] == tag
    _set(row_id, reason="something else")
    changed = api.get(f"/{kind}/{row_id}", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["reason"]) == (200, "something else")
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("form", ["W/{tag}", '"x", {tag}', '{tag},W/"y"', "*", ' "z" , W/{tag} '])
def test_the_forms_of_if_none_match(api: TestClient, form: str) -> None:
    row_id = new_transfer()
    tag = api.get(f"/s3_data/{row_id}").headers["ETag"]
    header = {"If-None-Match": form.format(tag=tag)}
    assert api.get(f"/s3_data/{row_id}", headers=header).status_code == 304


@pytest.mark.parametrize("query", ["", "?wait=0"], ids=["plain", "documented"])
def test_if_none_match_may_come_in_several_lines(api: TestClient, query: str) -> None:
    row_id = new_transfer()
    tag = api.get(f"/s3_data/{row_id}").headers["ETag"]
    lines = [("If-None-Match", '"x"'), ("If-None-Match", tag)]
    assert api.get(f"/s3_data/{row_id}{query}", headers=lines).status_code == 304


@pytest.mark.parametrize("header", ["", '"', '""', "x", '"x"', "{bare}", "w/{tag}x", "**", ",,", '"' * 9000])
def test_a_header_that_names_another_tag_or_none_gives_the_status(api: TestClient, header: str) -> None:
    row_id = new_transfer()
    tag = api.get(f"/s3_data/{row_id}").headers["ETag"]
    named = header.format(bare=tag.strip('"'), tag=tag.replace('"', ""))
    answer = api.get(f"/s3_data/{row_id}", headers={"If-None-Match": named})
    assert (answer.status_code, answer.json()["id"]) == (200, str(row_id))


def test_any_tag_does_not_tell_of_a_row_that_is_not_there(api: TestClient) -> None:
    for row_id in (uuid4(), "x", new_job("fft")):
        assert api.get(f"/s3_data/{row_id}", headers={"If-None-Match": "*"}).status_code == 404


def test_callers_that_see_different_bodies_have_different_tags(with_keys: TestClient) -> None:
    row_id = new_transfer("data", owner="ada")
    _set(row_id, endpoint="https://x.example.org/a?signature=secret")
    answers = [
        with_keys.get(f"/data/{row_id}", headers=bearer(key))
        for key in (new_key("ada"), new_key("op", scope=Scope.OPERATOR))
    ]
    assert ["secret" in answer.text for answer in answers] == [True, False]
    assert answers[0].headers["ETag"] != answers[1].headers["ETag"]


def _ask(api: TestClient, ids: Sequence[object], **more: Any) -> Any:
    return api.post("/status", json={"ids": list(ids)}, **more)


def test_many_statuses_come_in_the_order_of_their_ids(api: TestClient) -> None:
    rows: list[tuple[Kind, UUID]] = [(kind, _new(kind)) for kind in SHAPES]
    asked = [*reversed(rows), rows[0], rows[0]]
    answer = _ask(api, [str(row_id) for _, row_id in asked])
    assert answer.content == b"[%b]" % b",".join(_expected(kind, row_id) for kind, row_id in asked)


def test_unknown_and_malformed_ids_are_null_in_their_places(api: TestClient) -> None:
    row_id = str(new_job("fft"))
    odd = ["", "x", str(uuid4()), "\0", row_id[:-1], "ü" * 1000, row_id, "../" + row_id, "%00", "1" * 32]
    answer = _ask(api, odd)
    assert [each and each["id"] for each in answer.json()] == [None] * 6 + [row_id] + [None] * 3


@pytest.mark.parametrize(
    "spelling", [str.upper, lambda text: text.replace("-", ""), lambda text: f"{{{text}}}"]
)
def test_an_id_is_read_as_in_the_path(api: TestClient, spelling: Any) -> None:
    row_id = spelling(str(new_job("fft")))
    assert _ask(api, [row_id]).json()[0] == api.get(f"/job/{row_id}").json()


def test_a_thousand_ids_are_answered(api: TestClient) -> None:
    row_ids = [str(new_transfer()) for _ in range(3)]
    asked = [*(str(uuid4()) for _ in range(MOST_IDS - 3)), *row_ids]
    shown = _ask(api, asked).json()
    assert (len(shown), [each["id"] for each in shown[-3:]]) == (MOST_IDS, row_ids)
    assert set(map(str, shown[:-3])) == {"None"}


@pytest.mark.parametrize(
    "body",
    [
        {"ids": []},
        {"ids": ["x"] * (MOST_IDS + 1)},
        {"ids": None},
        {"ids": "x"},
        {"ids": {"a": 1}},
        {"ids": [7]},
        {"ids": [None]},
        {"ids": [["x"]]},
        {},
        [],
        None,
    ],
)
def test_none_too_many_and_no_texts_are_400(api: TestClient, body: object) -> None:
    answer = api.post("/status", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["errors"]


def test_a_lone_surrogate_is_an_unknown_id(api: TestClient) -> None:
    content = json.dumps({"ids": ["\ud800"]})
    answer = api.post("/status", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) in [(200, [None]), (400, answer.json())]


def test_the_rows_of_other_owners_are_null(with_keys: TestClient) -> None:
    hers, mine = new_job(owner="ada"), new_transfer(owner="eve")
    answer = _ask(with_keys, [str(hers), str(mine)], headers=bearer(new_key("eve")))
    assert [each and each["owner"] for each in answer.json()] == [None, "eve"]
    seen = _ask(with_keys, [str(hers), str(mine)], headers=bearer(new_key("op", scope="operator")))  # type: ignore[arg-type]
    assert [each["owner"] for each in seen.json()] == ["ada", "eve"]


def test_without_a_key_there_are_no_statuses(with_keys: TestClient) -> None:
    assert _ask(with_keys, [str(new_job(owner="ada"))]).status_code == 401


def test_statuses_are_not_counted_by_the_rate_limit(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []

    async def count(owner: str) -> None:
        counted.append(owner)

    monkeypatch.setattr("api.rate_limit.count_request", count)
    row_id = str(new_job("fft"))
    assert _ask(api, [row_id]).status_code == 200
    for query in ({}, {"wait": "0"}, {"other": "x"}):
        assert api.get(f"/job/{row_id}", params=query).status_code == 200
    assert counted == []
    assert api.get("/job").status_code == api.get(f"/job/{row_id}/events").status_code == 200
    assert counted == ["local", "local"]
