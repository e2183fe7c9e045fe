"""The class attributes of Transfer and Job agree with the state tables and the workers' tasks."""

from uuid import uuid4

import pytest

from gateway.db import utc_now
from gateway.models import Job, Transfer
from gateway.operations.overview import bad_ends
from gateway.states import MOVES, JobState, TransferState, is_final, may_follow
from gateway.work.outbox import message_for
from workers.app import app

ENDED, FOUND = utc_now(), {"state": "failed", "exit_code": 2, "reason": ""}


@pytest.mark.parametrize("model", [Transfer, Job])
def test_the_states_of_a_model_are_its_own(model: type[Transfer] | type[Job]) -> None:
    own = (*model.live, *model.awaiting_worker, model.working, model.retrying, model.failed, model.cancelled)
    assert {type(state) for state in own} == {model.states}
    assert set(model.live) == set(MOVES[model.states])
    assert set(model.awaiting_worker) <= set(model.live)
    assert may_follow(model.retrying, after=model.working)
    assert all(
        may_follow(end, after=model.working) and is_final(end) for end in (model.failed, model.cancelled)
    )


@pytest.mark.parametrize(
    ("row", "task"),
    [
        (Transfer(), "transfers.run"),
        (Transfer(ended_at=ENDED), "transfers.clean"),
        (Transfer(ended_at=ENDED, prune_requested_at=ENDED), "transfers.prune"),
        (Job(), "jobs.submit"),
        (Job(finding=FOUND), "jobs.finish"),
        (Job(finding=FOUND, ended_at=ENDED, prune_requested_at=ENDED), "jobs.prune"),
    ],
)
def test_a_row_names_a_task_of_the_workers(row: Transfer | Job, task: str) -> None:
    row.id, row.infrastructure = uuid4(), "hpc"
    assert message_for(row).task == task
    assert task in app.tasks


def test_the_ends_that_nobody_asked_for() -> None:
    assert bad_ends(Transfer) == [TransferState.FAILED]
    assert bad_ends(Job) == [
        JobState.FAILED,
        JobState.TIMEOUT,
        JobState.OUT_OF_MEMORY,
        JobState.NODE_FAILURE,
        JobState.LOST,
    ]


@pytest.mark.parametrize(
    ("kind", "credentials", "lacks"),
    [("data", None, False), ("s3_data", None, True), ("s3_data", "sealed", False), ("s3_result", None, True)],
)
def test_erased_credentials_are_missed_where_a_store_needs_them(
    kind: str, credentials: str | None, *, lacks: bool
) -> None:
    assert Transfer(kind=kind, credentials=credentials).lacks_credentials is lacks
    assert Job().lacks_credentials is False
