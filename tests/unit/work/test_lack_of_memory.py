"""The words of a lack of memory: one more try in an attempt, then the end."""

import pytest

from gateway.models import Event
from gateway.work.lack_of_memory import OutOfMemory, OutOfMemoryOnce, out_of_memory


@pytest.mark.parametrize(
    ("attempt", "reasons", "kind"),
    [
        (1, [], OutOfMemoryOnce),
        (1, ["the store is busy"], OutOfMemoryOnce),
        (1, ["needed more memory than 9 bytes; it is tried once more, alone", ""], OutOfMemory),
        (2, ["needed more memory than 9 bytes; it is tried once more, alone"], OutOfMemoryOnce),
    ],
)
def test_one_more_try_in_an_attempt(attempt: int, reasons: list[str], kind: type[OutOfMemory]) -> None:
    error = out_of_memory(attempt, [Event(attempt=1, reason=reason) for reason in reasons])
    assert type(error) is kind
    assert error.detail.startswith("needed more memory than 2,147,483,648 bytes")
