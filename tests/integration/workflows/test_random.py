"""Random workflows and random events: each step begins once and in its turn, and all ends are right."""

from random import Random
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from gateway.db import session_scope
from gateway.models import Event, Job, Transfer
from gateway.states import WORKFLOW_ENDS, is_final, is_success
from gateway.workflows.advance import advance
from tests.workflows import end_job, end_transfer, show, start

MOST_ROUNDS = 200


def _graph(chance: Random) -> list[dict[str, Any]]:
    """Return up to six jobs, each of which reads the input or the result of an earlier one."""
    jobs: list[dict[str, Any]] = []
    for number in range(chance.randint(1, 6)):
        services = (
            ["fft", "min_max"] if chance.random() < 0.2 else [chance.choice(["fft", "kalman", "kmean"])]
        )
        single = [job["name"] for job in jobs if len(job["services"]) == 1]
        before = {"input_from": chance.choice(single)} if single and chance.random() < 0.7 else {}
        jobs.append({"name": f"job-{number}", "services": services, **before})
    chance.shuffle(jobs)
    return jobs


def _act(api: TestClient, chance: Random, mine: str, *, may_fail: bool) -> None:
    """Do one thing that may happen: an end, a request, or news of an end that came before."""
    live = [s for s in show(api, mine)["steps"] if s["state"] == "accepted"]
    fault = "chance" if may_fail and chance.random() < 0.25 else ""
    choice = chance.random()
    if choice < 0.1:
        with session_scope() as session:
            advance(session, [UUID(mine)])
    elif choice < 0.13 and may_fail:
        api.post(f"/workflow/{mine}/cancel")
    elif live:
        step = chance.choice(live)
        (end_job if step["kind"] == "job" else end_transfer)(mine, step["name"], fault=fault)


def _rows(mine: str) -> dict[tuple[bool, str], Any]:
    found: dict[tuple[bool, str], Any] = {}
    with session_scope(read_only=True) as session:
        for model in (Transfer, Job):
            mine_too = model.workflow_id == UUID(mine)
            for row in session.execute(select(model.step, model.id, model.state).where(mine_too)):
                assert (model is Job, str(row.step)) not in found
                found[model is Job, str(row.step)] = row
    return found


def _check(api: TestClient, mine: str, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Check that each row had its predecessors, and that the workflow's state is that of its steps."""
    rows, status = _rows(mine), show(api, mine)
    for job in jobs:
        if (True, job["name"]) in rows:
            before = rows[True, job["input_from"]] if "input_from" in job else rows[False, "input"]
            assert is_success(before.state)
    has_ended = status["state"] in WORKFLOW_ENDS
    assert has_ended == all(is_final(row.state) for row in rows.values())
    assert (status["state"] == "succeeded") == all(
        step["state"] in {"completed", "succeeded"} for step in status["steps"]
    )
    assert sum(step["id"] is not None for step in status["steps"]) == len(rows)
    return status


@pytest.mark.parametrize("number", range(6))
def test_each_step_begins_once_and_in_its_turn(api: TestClient, number: int) -> None:
    chance = Random(number)  # noqa: S311  no secret
    jobs = _graph(chance)
    mine = start(api, *jobs)["id"]
    status = _check(api, mine, jobs)
    for each in range(MOST_ROUNDS):
        if status["state"] == "succeeded":
            break
        if status["state"] in WORKFLOW_ENDS:
            keys = {"access_key": "a", "secret_key": "s"}
            assert (
                api.post(f"/workflow/{mine}/retry", json={"input": keys, "output": keys}).status_code == 200
            )
        else:
            _act(api, chance, mine, may_fail=each < MOST_ROUNDS // 4)
        status = _check(api, mine, jobs)
    assert status["state"] == "succeeded"
    with session_scope(read_only=True) as session:
        ids = [row.id for row in _rows(mine).values()]
        first = select(Event.work_id).where(Event.work_id.in_(ids), Event.from_state == "")
        assert sorted(session.scalars(first)) == sorted(ids)
