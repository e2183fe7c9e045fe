"""Ids by their beginning: of exactly one row, and in the words of the command."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from hpc_gateway_client import GatewayClientError, Refused
from hpc_gateway_client.commands.lookup import find_row, find_workflow

IDS = [UUID("aaaa1111-0000-4000-8000-000000000001"), UUID("aaaa2222-0000-4000-8000-000000000002")]
ROWS = [SimpleNamespace(id=row_id) for row_id in IDS]


class Gateway:
    """A gateway with two jobs and two workflows."""

    def find(self, row_id: str) -> Any:
        found = [row for row in ROWS if str(row.id) == row_id]
        if not found:
            raise Refused(404, "there is no job")
        return found[0]

    workflow = find

    def jobs(self, **_: object) -> Any:
        return SimpleNamespace(items=ROWS)

    workflows = jobs

    def transfers(self, _kind: str, **_: object) -> Any:
        return SimpleNamespace(items=[])


@pytest.mark.parametrize("text", ["aaaa1", "AAAA11", "aaaa1111-0000", str(IDS[0])])
def test_a_beginning_of_one_id_is_enough(text: str) -> None:
    gateway: Any = Gateway()
    assert find_row(gateway, text).id == IDS[0]
    assert find_workflow(gateway, text).id == IDS[0]


def test_a_beginning_of_two_ids_names_both() -> None:
    gateway: Any = Gateway()
    with pytest.raises(GatewayClientError, match=f"2 ids: {IDS[0]}, {IDS[1]}"):
        find_row(gateway, "aaaa")


@pytest.mark.parametrize("text", [str(UUID(int=1)), "bbbb", "aaa", "nonsense", ""])
def test_an_unknown_id_is_told_in_the_groups_word(text: str) -> None:
    gateway: Any = Gateway()
    with pytest.raises(Refused, match="there is no transfer") as refused:
        find_row(gateway, text, "transfer")
    assert refused.value.status == 404
    assert "job" not in str(refused.value)
