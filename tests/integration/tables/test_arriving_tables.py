"""Tables that are still on their way: their beginnings are judged, and all of them when they have arrived."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, repeat
from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from gateway.callers import LOCAL
from gateway.clusters.configuration import CONTROL, configured_clusters
from gateway.clusters.owner_roots import owner_roots
from gateway.db import session_scope
from gateway.errors import FilesystemError
from gateway.jobs.spec import CACHE
from gateway.models import JudgedTable, Transfer
from gateway.settings import get_settings
from gateway.tables.judge import JudgeCommand, Judged
from gateway.transfers import lifecycle as transfers
from gateway.transfers.staging.journal import whole_until
from gateway.work import claims
from gateway.work.claims import Claim
from tests.machine_code import warmed
from tests.rows import new_transfer
from workers import arriving_tables, table_file
from workers.client_files import open_client_files
from workers.judge import Judge

PART = 1000
TEXT = b"a;b\n" + b"1;2\n" * (PART - 1)
NOTES = json.dumps(["v1", len(TEXT), PART]) + "\n"
POISON = (
    *("5", "null", "{}", "[]", '["v1"]', '["v1", 4000, 1000, 1]', "[1, 4000, 1000]", "[" * 100_000),
    *('["v1", "4000", 1000]', '["v1", 4000, "x"]', '["v1", 4000, null]', '["v1", 4000, NaN]'),
    *('["v1", 4000, -1000]', '["v1", 1e999, 1000]', f'["v1", {"9" * 5000}, 1000]', '["v1", 4000, 0.5]'),
)


@pytest.fixture
def judge(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Judge:
    control = Path(configured_clusters()["hpc"].home) / CONTROL
    control.mkdir(mode=0o700, parents=True, exist_ok=True)
    (control / CACHE).symlink_to(warmed())
    monkeypatch.setenv("GATEWAY_JUDGE_PYTHON", sys.executable)
    monkeypatch.setattr(table_file, "COPIED_BYTES", 2 * PART)
    get_settings.cache_clear()
    return Judge(configured_clusters()["hpc"])


def begun(name: str = "x.csv", owner: str = LOCAL.owner) -> Claim:
    row_id = new_transfer(path=f"serrano/data/{name}", owner=owner)
    with session_scope() as session:
        claim = claims.take_transfer(session, row_id, "w")
        assert claim is not None
        session.get_one(Transfer, row_id).bytes_done = 3 * PART
    return claim


@contextmanager
def arriving(row_id: UUID, notes: str, name: str = "x.csv", owner: str = LOCAL.owner) -> Iterator[None]:
    """Write the first three parts of a table, whose other one is missing."""
    cluster = configured_clusters()["hpc"]
    path = owner_roots(cluster, owner).home / "serrano/data" / name
    with open_client_files(cluster, owner).receive(path, row_id.hex) as file:
        file.write_at(TEXT[: 3 * PART], 0)
        file.note(notes)
        yield
        file.write_at(TEXT, 0)


def test_the_beginning_is_known_before_the_end(api: TestClient, judge: Judge) -> None:
    claim, stop = begun(), threading.Event()
    url = f"/s3_data/{claim.id}"
    with arriving(claim.id, NOTES + "1 done\n3 done\n"):
        judge.judge_arriving(stop)
        assert api.get(f"{url}/table").json()["state"] == "judging"  # the second part is missing
    claim = begun("y.csv")
    url = f"/s3_data/{claim.id}"
    with arriving(claim.id, NOTES + "1 done\n2 done\n", "y.csv"):
        judge.judge_arriving(stop)
        judge.judge_arriving(stop)
        assert not judge.judge_next(stop)
        table = api.get(f"{url}/table").json()
        assert (table["state"], table["whole"], table["problem"]) == ("known", False, None)
        assert (table["signals"], table["samples"]) == (["a", "b"], 2 * PART // 4 - 1)
        assert api.get(f"{url}/preview").json()["signals"][0]["max"][0] == 1
    with session_scope() as session:
        transfers.complete(session, claim, len(TEXT))
    assert api.get(f"{url}/table").json()["state"] == "judging"
    assert judge.judge_next(stop)
    table = api.get(f"{url}/table").json()
    assert (table["state"], table["whole"], table["samples"]) == ("known", True, PART - 1)


def judged(row_id: UUID) -> bool:
    with session_scope(read_only=True) as session:
        return session.get(JudgedTable, row_id) is not None


def test_owners_take_turns_with_the_beginnings_of_their_tables(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One owner has more tables on their way than are looked at, whose notes are poisoned or whole."""
    looks = list[str]()

    def look(_command: JudgeCommand, _table: int, name: str, _stop: threading.Event) -> Iterator[Judged]:
        looks.append(name)
        return iter(())

    monkeypatch.setattr(arriving_tables, "run_judge", look)
    whole = NOTES + "1 done\n2 done\n"
    with ExitStack() as stack:
        for number in range(20):
            notes = POISON[number // 2] + "\n" if number % 2 else whole
            stack.enter_context(arriving(begun(f"{number}.csv", "ada").id, notes, f"{number}.csv", "ada"))
        claim = begun("b.csv", "bob")
        stack.enter_context(arriving(claim.id, whole, "b.csv", "bob"))
        for _ in range(2):
            judge.judge_arriving(threading.Event())
    assert looks == ["0.csv", "b.csv"]
    assert judged(claim.id)


def test_an_error_with_one_beginning_costs_no_other_its_judgement(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = chain([None], repeat(2 * PART))
    monkeypatch.setattr(arriving_tables, "run_judge", lambda *_: iter(()))
    monkeypatch.setattr(arriving_tables, "whole_until", lambda _: next(answers))  # None cannot be compared
    first, second = begun("a.csv", "ada"), begun("b.csv", "bob")
    with arriving(first.id, NOTES, "a.csv", "ada"), arriving(second.id, NOTES, "b.csv", "bob"):
        judge.judge_arriving(threading.Event())
    assert (judged(first.id), judged(second.id)) == (False, True)


def test_a_transfer_that_completes_meanwhile_is_judged_as_a_whole(judge: Judge) -> None:
    claim = begun()
    with arriving(claim.id, NOTES + "1 done\n2 done\n"):
        judge.judge_arriving(threading.Event())
    with session_scope() as session:
        transfers.complete(session, claim, len(TEXT))
        row = session.get_one(JudgedTable, claim.id)
        assert (row.claim, row.ended_at) == (0, None)
    judge.judge_arriving(threading.Event())  # finds nothing to do
    with session_scope(read_only=True) as session:
        assert session.get_one(JudgedTable, claim.id).ended_at is None


@pytest.mark.parametrize("place", [os.link, os.symlink])
def test_another_file_in_place_of_the_partial_one_is_not_read(
    judge: Judge, place: Callable[[Path, Path], None]
) -> None:
    claim = begun()
    with suppress(FilesystemError), arriving(claim.id, NOTES + "1 done\n2 done\n"):
        folder = Path(configured_clusters()["hpc"].home) / "serrano/data"
        (part,) = folder.glob(".x.csv.*.part")
        secret = folder / "secret"
        secret.write_bytes(TEXT)
        part.unlink()
        place(secret, part)
        judge.judge_arriving(threading.Event())
        with session_scope(read_only=True) as session:
            assert session.get(JudgedTable, claim.id) is None


@pytest.mark.parametrize(
    ("notes", "whole"),
    [
        ("", 0),
        ("x", 0),
        (NOTES, 0),
        (NOTES + "1 done\n", PART),
        (NOTES + "2 done\n1 do", 0),
        (NOTES + "2 done\n1 done\n\n4 done\n", 2 * PART),
        (NOTES + "".join(f"{i} done\n" for i in range(1, 6)), len(TEXT)),
        *((f"{header}\n1 done\n2 done\n", 0) for header in POISON),
    ],
)
def test_the_notes_tell_how_much_is_there(notes: str, whole: int) -> None:
    assert whole_until(notes) == whole
