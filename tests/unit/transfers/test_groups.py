"""Group messages: the new rows that share a message."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import Celery

from gateway import queue
from gateway.queue import celery_app
from gateway.settings import get_settings
from gateway.transfers import groups
from gateway.transfers.groups import BYTES, FILE_BYTES, FILES
from gateway.work.outbox import Message


def rows(*sizes: int) -> list[dict[str, Any]]:
    return [
        {"id": uuid4(), "kind": "s3_data", "infrastructure": "hpc", "bytes_total": size} for size in sizes
    ]


def ids(message: Message) -> list[UUID]:
    return [message.id, *message.others]


def test_small_ones_share_a_message_and_large_ones_have_their_own() -> None:
    new = rows(0, FILE_BYTES + 1, 5, 1 << 40, FILE_BYTES)
    sent = list(groups.group_messages(new))
    assert {(message.task, message.queue) for message in sent} == {("transfers.run", "hpc.long")}
    own = [[new[1]["id"]], [new[3]["id"]], [new[0]["id"], new[2]["id"], new[4]["id"]]]
    assert [ids(message) for message in sent] == own


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ([], []),
        ([1], [1]),
        ([1] * FILES, [FILES]),
        ([1] * (2 * FILES + 1), [FILES, FILES, 1]),
        ([FILE_BYTES] * (BYTES // FILE_BYTES), [BYTES // FILE_BYTES]),
        ([FILE_BYTES] * (BYTES // FILE_BYTES) + [1], [BYTES // FILE_BYTES, 1]),
    ],
)
def test_a_group_is_limited_in_files_and_bytes(sizes: list[int], counts: list[int]) -> None:
    new = rows(*sizes)
    sent = list(groups.group_messages(new))
    assert [len(ids(message)) for message in sent] == counts
    assert [each for message in sent for each in ids(message)] == [row["id"] for row in new]


@pytest.mark.parametrize("setting", ["GATEWAY_RETRIES=0", "GATEWAY_BYTES_PER_DAY=1000"])
def test_where_one_is_to_pay_or_to_count_for_no_other_each_goes_alone(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*setting.split("="))
    get_settings.cache_clear()
    assert [len(ids(message)) for message in groups.group_messages(rows(1, 2, 3))] == [1, 1, 1]
    get_settings.cache_clear()


def test_flower_is_shown_the_ids_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery(broker="memory://")
    monkeypatch.setattr(celery_app, "app", app)
    [message] = groups.group_messages(rows(*[1] * FILES))
    queue.send([message])
    with app.connection_for_read() as connection:
        sent = connection.SimpleQueue(message.queue).get(timeout=2)
    assert all(str(each) in sent.headers["argsrepr"] for each in ids(message))
