"""Requests in any order: whatever clients ask for, no answer and no row contradicts another (Hypothesis)."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gateway.states import TRANSFER_STATUS, TransferState
from tests.client import DATA, Client, Status
from tests.databases import ON_SQLITE

ENDED_BADLY = {"failed", "cancelled"}
NAMES = st.sampled_from(["a.csv", "b ü.csv", "deep/c+d%.csv"])
MISSING = st.sampled_from(["gone.csv", "never/was.csv"])


class AnyOrder(RuleBasedStateMachine):
    """Transfers of one user, and what must be true of each of them at any moment."""

    client: Client
    rows = Bundle("rows")

    @initialize()
    def begin(self) -> None:
        self.folder = f"{DATA}/any/{uuid4().hex}"
        self.expected: dict[str, str] = {}
        self.ended: dict[str, Status] = {}
        for name in ("a.csv", "b ü.csv", "deep/c+d%.csv"):
            self.client.put(name, name.encode())

    @rule(target=rows, name=NAMES)
    def stage_what_is_there(self, name: str) -> str:
        return self._accepted(name, "completed")

    @rule(target=rows, name=MISSING)
    def stage_what_is_not_there(self, name: str) -> str:
        return self._accepted(name, "failed")

    @rule(target=rows, name=NAMES)
    def stage_with_a_wrong_secret(self, name: str) -> str:
        return self._accepted(name, "failed", secret_key="nobody's")

    @rule(name=NAMES)
    def ask_twice_under_one_key(self, name: str) -> None:
        body = self._body(name)
        headers = {"Idempotency-Key": uuid4().hex}
        answers = [self.client.http.post("/s3_data", json=body, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        self.expected[answers[0].json()["id"]] = "completed"

    @rule(row=rows)
    def look(self, row: str) -> None:
        status = self.client.get(f"/s3_data/{row}")
        assert status["status"] == TRANSFER_STATUS[TransferState(status["state"])]
        if row in self.ended:
            assert status == self.ended[row]
        elif status["ended_at"] is not None:
            self.ended[row] = status

    @rule(row=rows)
    def cancel(self, row: str) -> None:
        before = self.client.get(f"/s3_data/{row}")
        answer = self.client.http.post(f"/s3_data/{row}/cancel", json={})
        assert answer.status_code in {200, 202, 409}
        if before["ended_at"] is not None:
            assert answer.status_code == 409
        elif answer.status_code != 409:
            self.expected[row] = "any"  # it may have ended a moment before it heard of the cancel

    @rule(row=rows)
    def retry(self, row: str) -> None:
        before = self.client.get(f"/s3_data/{row}")
        answer = self.client.http.post(f"/s3_data/{row}/retry", json={})
        assert answer.status_code in {200, 201, 202, 400, 409}
        if before["state"] == "completed":
            assert answer.status_code == 409
        if answer.is_success:
            self.ended.pop(row, None)
            assert answer.json()["attempt"] == before["attempt"] + 1

    @rule(row=consumes(rows))
    def wait(self, row: str) -> None:
        self._ends(row)

    @rule(row=st.uuids())
    def ask_for_a_stranger(self, row: Any) -> None:
        for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")):
            assert self.client.http.request(method, f"/s3_data/{row}{path}").status_code == 404

    @invariant()
    def the_list_knows_every_row(self) -> None:
        if not getattr(self, "expected", None):
            return
        newest = self.client.get("/s3_data?limit=200")["items"]
        times = [item["created_at"] for item in newest]
        assert times == sorted(times, reverse=True)
        assert set(self.expected) <= {item["id"] for item in newest}

    def teardown(self) -> None:
        for row in getattr(self, "expected", {}):
            self._ends(row)

    def _ends(self, row: str) -> None:
        ended = self.client.moved("/s3_data", {"id": row})
        expected = self.expected[row]
        assert expected == "any" or ended["state"] == expected, ended["reason"]
        if ended["state"] == "completed":
            assert self.client.file(ended["dst"]).read_bytes() == ended["object"].encode()
        else:
            assert ended["reason"]
            assert not self.client.file(ended["dst"]).exists()

    def _accepted(self, name: str, expected: str, **changes: str) -> str:
        row: str = self.client.post("/s3_data", self._body(name) | changes)["id"]
        self.expected[row] = expected
        return row

    def _body(self, name: str) -> dict[str, str]:
        dst = f"{self.folder}/{uuid4().hex}"
        return self.client.store_fields() | {"object": name, "dst": dst}


@ON_SQLITE
@pytest.mark.parametrize("examples", [4, pytest.param(60, marks=pytest.mark.long)])
def test_requests_in_any_order_contradict_nothing(client: Client, examples: int) -> None:
    machine = type("Here", (AnyOrder,), {"client": client})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
