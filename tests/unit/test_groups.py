"""Which new rows share a message."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway import groups
from gateway.groups import BYTES, FILE_BYTES, FILES
from gateway.outbox import Message


def rows(*sizes: int) -> list[dict[str, Any]]:
    return [{"id": uuid4(), "infrastructure": "hpc", "bytes_total": size} for size in sizes]


def ids(message: Message) -> list[UUID]:
    return [message.id, *message.others]


def test_small_ones_share_a_message_and_large_ones_have_their_own() -> None:
    new = rows(0, FILE_BYTES + 1, 5, 1 << 40, FILE_BYTES)
    sent = list(groups.messages(new))
    assert {(message.task, message.queue) for message in sent} == {("transfers.run", "hpc")}
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
    sent = list(groups.messages(new))
    assert [len(ids(message)) for message in sent] == counts
    assert [each for message in sent for each in ids(message)] == [row["id"] for row in new]
