"""Group messages: the new rows that share a message."""

from uuid import UUID, uuid4

import pytest

from gateway.db import utc_now
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import JobState, TransferState
from gateway.work.grouping import BYTES, FILE_BYTES, ROWS, group_messages
from gateway.work.outbox import Message


def new_row(size: int | None, **changed: object) -> Transfer:
    row = Transfer(id=uuid4(), kind="s3_data", infrastructure="hpc", owner="o", bytes_total=size)
    row.parent_id, row.state, row.claim, row.attempt, row.failures = uuid4(), TransferState.ACCEPTED, 0, 1, 0
    for name, value in changed.items():
        setattr(row, name, value)
    return row


def rows(*sizes: int) -> list[Transfer]:
    return [new_row(size) for size in sizes]


def ids(message: Message) -> list[UUID]:
    return [message.id, *message.others]


def test_small_ones_share_a_message_and_large_ones_have_their_own_in_their_order() -> None:
    new = rows(0, FILE_BYTES + 1, 5, 1 << 40, FILE_BYTES)
    sent = group_messages(new)
    assert {(message.task, message.queue) for message in sent} == {("transfers.run", "hpc.long")}
    assert [ids(message) for message in sent] == [
        [new[0].id, new[2].id, new[4].id],
        [new[1].id],
        [new[3].id],
    ]


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ([], []),
        ([1], [1]),
        ([1] * ROWS, [ROWS]),
        ([1] * (2 * ROWS + 1), [ROWS, ROWS, 1]),
        ([FILE_BYTES] * (BYTES // FILE_BYTES), [BYTES // FILE_BYTES]),
        ([FILE_BYTES] * (BYTES // FILE_BYTES) + [1], [BYTES // FILE_BYTES, 1]),
    ],
)
def test_a_group_is_limited_in_files_and_bytes(sizes: list[int], counts: list[int]) -> None:
    new = rows(*sizes)
    sent = group_messages(new)
    assert [len(ids(message)) for message in sent] == counts
    assert [each for message in sent for each in ids(message)] == [row.id for row in new]


ALONE = [
    {"parent_id": None},
    {"attempt": 2},
    {"state": TransferState.RETRYING, "claim": 1},
    {"failures": 1, "claim": 1},
    {"state": TransferState.TRANSFERRING, "claim": 1, "lease_until": utc_now()},
]


@pytest.mark.parametrize("changed", ALONE)
def test_a_row_that_is_no_new_child_goes_alone(changed: dict[str, object]) -> None:
    new = [new_row(1), new_row(1, **changed), new_row(1)]
    assert [ids(message) for message in group_messages(new)] == [[new[0].id, new[2].id], [new[1].id]]


def test_files_that_were_handed_back_share_a_message_with_new_ones() -> None:
    new = [new_row(1), new_row(1, state=TransferState.TRANSFERRING, claim=1), new_row(1)]
    [message] = group_messages(new)
    assert ids(message) == [row.id for row in new]


def new_job_row(**changed: object) -> Job:
    row = Job(id=uuid4(), infrastructure="hpc", state=JobState.ACCEPTED, claim=0, attempt=1, failures=0)
    for name, value in changed.items():
        setattr(row, name, value)
    return row


def test_new_jobs_share_a_message() -> None:
    new = [new_job_row() for _ in range(ROWS + 2)]
    sent = group_messages(new)
    assert {(message.task, message.queue) for message in sent} == {("jobs.submit", "hpc.short")}
    assert [len(ids(message)) for message in sent] == [ROWS, 2]
    assert [each for message in sent for each in ids(message)] == [row.id for row in new]


@pytest.mark.parametrize(
    "changed",
    [
        {"attempt": 2},
        {"state": JobState.RETRYING, "claim": 1},
        {"failures": 1, "claim": 1},
        {"state": JobState.SUBMITTING, "claim": 1, "lease_until": utc_now()},
        {"state": JobState.PENDING, "finding": {"state": "succeeded"}},
        {"cancel_requested_at": utc_now()},
        {"state": JobState.FAILED, "prune_requested_at": utc_now()},
    ],
)
def test_a_job_that_is_not_new_goes_alone(changed: dict[str, object]) -> None:
    new = [new_job_row(), new_job_row(**changed), new_job_row()]
    assert [ids(message) for message in group_messages(new)] == [[new[0].id, new[2].id], [new[1].id]]


def test_jobs_without_a_retry_budget_go_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RETRIES_BY_KIND", "job=0")
    get_settings.cache_clear()
    assert [len(ids(message)) for message in group_messages([new_job_row() for _ in "123"])] == [1, 1, 1]
    get_settings.cache_clear()


def test_a_message_that_is_published_again_is_no_first_one() -> None:
    new = rows(1, 2)
    assert [message.first for message in group_messages(new)] == [True]
    assert [message.first for message in group_messages(new, again=True)] == [False]


@pytest.mark.parametrize("setting", ["GATEWAY_RETRIES=0", "GATEWAY_BYTES_PER_DAY=1000"])
def test_where_one_is_to_pay_or_to_count_for_no_other_each_goes_alone(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*setting.split("="))
    get_settings.cache_clear()
    assert [len(ids(message)) for message in group_messages(rows(1, 2, 3))] == [1, 1, 1]
    get_settings.cache_clear()
