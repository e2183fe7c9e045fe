"""The bytes of groups: a prefix's small files, there and back."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.states import TransferState
from tests.fault_proxy import Fault
from tests.staging import everything
from tests.staging_rows import Bench, work
from workers.row_errors import SomeFailed
from workers.tasks.transfers import run


@pytest.fixture
def prefix(bench: Bench) -> str:
    prefix = f"{uuid4().hex}/"
    for n in range(12):
        bench.s3.put_object(Bucket="data", Key=f"{prefix}f{n:02}", Body=b"x" * n)
    return prefix


def children(parent: UUID) -> list[Transfer]:
    with session_scope(read_only=True) as session:
        mine = select(Transfer).where(Transfer.parent_id == parent).order_by(Transfer.created_at)
        return list(session.scalars(mine))


def test_a_prefix_is_one_more_message(bench: Bench, prefix: str) -> None:
    parent = work(bench.create("s3_data", "in", prefix))
    rows = children(parent.id)
    run.apply(args=[str(row.id) for row in rows], throw=True)
    assert {row.state for row in children(parent.id)} == {TransferState.COMPLETED}
    assert everything(bench.home) == ["in", *(f"in/f{n:02}" for n in range(12))]
    assert [(bench.home / f"in/f{n:02}").read_bytes() for n in range(12)] == [b"x" * n for n in range(12)]


def test_a_folder_goes_up_in_a_group(bench: Bench) -> None:
    for n in range(12):
        (bench.home / "out").mkdir(parents=True, exist_ok=True)
        (bench.home / f"out/f{n}").write_bytes(b"y" * n)
    parent = work(bench.create("s3_result", "out", prefix := f"{uuid4().hex}/"))
    run.apply(args=[str(row.id) for row in children(parent.id)], throw=True)
    listed = bench.s3.list_objects_v2(Bucket="data", Prefix=prefix)["Contents"]
    assert sorted(each["Size"] for each in listed) == list(range(12))


def test_one_that_cannot_be_written_stops_no_other(bench: Bench, prefix: str) -> None:
    (bench.home / "in/f05").mkdir(parents=True)
    parent = work(bench.create("s3_data", "in", prefix))
    rows = children(parent.id)
    with pytest.raises(SomeFailed, match="1 of 12 failed, one of them .*: .*is a folder"):
        run.apply(args=[str(row.id) for row in rows], throw=True)
    states = [row.state for row in children(parent.id)]
    assert states.count(TransferState.COMPLETED) == 11
    assert states[5] is TransferState.FAILED


def test_a_store_that_is_away_puts_all_of_them_off(bench: Bench, prefix: str) -> None:
    parent = work(bench.create("s3_data", "in", prefix))
    rows = children(parent.id)
    bench.proxy.restart(lambda _: Fault("busy"))
    with pytest.raises(SomeFailed, match="of 12 failed, one of them .*: the store at .* is too busy"):
        run.apply(args=[str(row.id) for row in rows], throw=True)
    states = [row.state for row in children(parent.id)]
    assert states.count(TransferState.RETRYING) > 6  # the others had a connection from before
    bench.heal_store()
    for row, state in zip(rows, states, strict=True):
        if state is TransferState.RETRYING:
            work(row.id)
    assert {row.state for row in children(parent.id)} == {TransferState.COMPLETED}
    assert everything(bench.home) == ["in", *(f"in/f{n:02}" for n in range(12))]
