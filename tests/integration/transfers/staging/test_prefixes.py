"""All files below a prefix in one request: its parts, their sum, and one bad part."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from gateway.db import session_scope
from gateway.errors import Cancelled, Fault
from gateway.models import Transfer
from gateway.operations import retries
from gateway.operations.sweep import sweep
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers import lifecycle as transfers
from gateway.work import claims, transitions
from tests import services
from tests.rows import transfer
from tests.staging import everything
from tests.staging_rows import Bench, overdue, work
from tests.web import Page, web
from workers.tasks.transfers import run

LISTING = """<ListBucketResult><IsTruncated>false</IsTruncated>
<Contents><Key>{prefix}a</Key><Size>1</Size></Contents>
<Contents><Key>{prefix}made-up/</Key><Size>0</Size></Contents>
<Contents><Key>{prefix}sub/</Key><Size>8</Size></Contents></ListBucketResult>"""


@pytest.fixture
def prefix(bench: Bench) -> str:
    prefix = f"{uuid4().hex}/"
    for name in ("a.csv", "deep/größe b.csv", "c.csv"):
        bench.s3.put_object(Bucket="data", Key=f"{prefix}{name}", Body=name.encode())
    bench.s3.put_object(Bucket="data", Key=f"{prefix}made-up/", Body=b"")
    return prefix


def children(parent: UUID) -> list[Transfer]:
    with session_scope(read_only=True) as session:
        mine = select(Transfer).where(Transfer.parent_id == parent).order_by(Transfer.created_at)
        return list(session.scalars(mine))


def swept(row_id: UUID) -> Transfer:
    with session_scope() as session:
        sweep(session)
    return transfer(row_id)


def test_all_objects_below_a_prefix(bench: Bench, prefix: str) -> None:
    parent = work(bench.create("s3_data", "in/", prefix))
    assert (parent.state, parent.children) == (TransferState.TRANSFERRING, {"accepted": 3})
    run.apply(args=[str(parent.id)])  # a message that came twice
    rows = children(parent.id)
    assert [row.path for row in rows] == ["in/a.csv", "in/c.csv", "in/deep/größe b.csv"]
    work(rows[0].id)
    parent = swept(parent.id)
    assert (parent.state, parent.children) == (
        TransferState.TRANSFERRING,
        {"accepted": 2, "completed": 1},
    )
    assert (parent.bytes_done, parent.bytes_total) == (5, 28)
    for row in rows[1:]:
        work(row.id)
    parent = swept(parent.id)
    assert (parent.state, parent.bytes_done, parent.credentials) == (TransferState.COMPLETED, 28, None)
    assert everything(bench.home) == ["in", "in/a.csv", "in/c.csv", "in/deep", "in/deep/größe b.csv"]


def test_a_prefix_beyond_the_bytes_of_the_day_fails_before_its_files_are_rows(
    bench: Bench, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_BYTES_PER_DAY", "27")
    get_settings.cache_clear()
    parent = work(bench.create("s3_data", "in", prefix))
    assert (parent.state, children(parent.id)) == (TransferState.FAILED, [])
    assert "this needs 28 more" in parent.reason


def test_one_bad_part_is_named_and_retried_alone(bench: Bench, prefix: str) -> None:
    (bench.home / "in/c.csv").mkdir(parents=True)
    parent = work(bench.create("s3_data", "in", prefix))
    for row in children(parent.id):
        work(row.id)
    parent = swept(parent.id)
    assert parent.state is TransferState.FAILED
    assert parent.reason.startswith("1 of 3 failed, the first is 'c.csv': ")
    assert parent.fault == children(parent.id)[1].fault == Fault.FILESYSTEM
    assert "is a folder" in parent.reason
    (bench.home / "in/c.csv").rmdir()
    with session_scope() as session:
        retries.retry(session, session.get_one(Transfer, parent.id), "test")
    assert [row.attempt for row in children(parent.id)] == [1, 2, 1]
    assert swept(parent.id).state is TransferState.TRANSFERRING
    work(children(parent.id)[1].id)
    assert swept(parent.id).state is TransferState.COMPLETED


def test_a_part_retried_by_hand_takes_its_ended_parent_up_again(
    api: TestClient, bench: Bench, prefix: str
) -> None:
    for name in ("a.csv", "c.csv"):
        (bench.home / "in" / name).mkdir(parents=True)
    parent = work(bench.create("s3_data", "in", prefix))
    rows = children(parent.id)
    for row in rows:
        work(row.id)
    assert swept(parent.id).state is TransferState.FAILED
    for name, row, counts, total in (
        ("a.csv", rows[0], {"accepted": 1, "completed": 1, "failed": 1}, 28),
        ("c.csv", rows[1], {"accepted": 1, "completed": 2}, 28),
    ):
        (bench.home / "in" / name).rmdir()
        assert api.post(f"/s3_data/{row.id}/retry").status_code == 200
        shown = api.get(f"/s3_data/{parent.id}").json()
        assert (shown["status"], shown["children"], shown["reason"]) == ("transferring", counts, "")
        assert (shown["bytes_total"], shown["ended_at"]) == (total, None)
        assert swept(parent.id).state is TransferState.TRANSFERRING
        work(row.id)
        ended = swept(parent.id)
        assert ended.state is (TransferState.FAILED if name == "a.csv" else TransferState.COMPLETED)
    assert (ended.attempt, ended.bytes_done, ended.children) == (3, 28, {"completed": 3})
    assert [row.attempt for row in children(parent.id)] == [2, 2, 1]
    reasons = [event["reason"] for event in api.get(f"/s3_data/{parent.id}/events").json()]
    assert f"{prefix}a.csv was retried" in [reason.replace("'", "") for reason in reasons]


def test_parts_retried_together_take_up_their_parent_once(bench: Bench, prefix: str) -> None:
    for name in ("a.csv", "c.csv"):
        (bench.home / "in" / name).mkdir(parents=True)
    parent = work(bench.create("s3_data", "in", prefix))
    for row in children(parent.id):
        work(row.id)
    assert swept(parent.id).state is TransferState.FAILED
    with session_scope() as session:
        for row in children(parent.id)[:2]:
            retries.retry_one(session, row.id, "test", "")
    parent = transfer(parent.id)
    assert (parent.state, parent.attempt) == (TransferState.TRANSFERRING, 2)
    assert parent.children == {"accepted": 2, "completed": 1}


def test_a_part_of_a_cancelled_parent_needs_its_keys_and_ends_it_anew(
    api: TestClient, bench: Bench, prefix: str
) -> None:
    parent = work(bench.create("s3_data", "in", prefix))
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, parent.id), "test")
    assert swept(parent.id).state is TransferState.CANCELLED
    row = children(parent.id)[0]
    assert api.post(f"/s3_data/{row.id}/retry").status_code == 409
    assert transfer(parent.id).state is TransferState.CANCELLED
    keys = {"access_key": services.ACCESS_KEY, "secret_key": services.SECRET_KEY}
    assert api.post(f"/s3_data/{row.id}/retry", json=keys).status_code == 200
    assert transfer(parent.id).state is TransferState.TRANSFERRING
    work(row.id)
    parent = swept(parent.id)
    assert parent.state is TransferState.FAILED
    assert parent.reason.startswith("2 of 3 failed, the first is 'c.csv': cancelled on request")


def test_a_cancel_reaches_all_parts(bench: Bench, prefix: str) -> None:
    parent = work(bench.create("s3_data", "in", prefix))
    first, *others = children(parent.id)
    work(first.id)
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, parent.id), "test", "no need")
    for row in map(transfer, [row.id for row in others]):
        assert (row.state, row.reason) == (TransferState.CANCELLED, "cancelled on request")
        assert (row.credentials, row.next_send_at) == (None, None)
        assert row.ended_at is not None
        with session_scope(read_only=True) as session:
            told = [(each.to_state, each.actor, each.reason) for each in transitions.events(session, row)]
        assert told[1:] == [
            ("accepted", "test", "cancel requested: no need"),
            ("cancelled", "", "cancelled on request"),
        ]
    parent = swept(parent.id)
    assert (parent.state, parent.reason) == (
        TransferState.CANCELLED,
        "cancelled on request; 1 of 3 are done",
    )


def test_a_cancel_leaves_it_to_workers_to_end_the_parts_that_they_move(bench: Bench, prefix: str) -> None:
    parent = work(bench.create("s3_data", "in", prefix))
    first, second, _ = children(parent.id)
    with session_scope() as session:
        claim = claims.take_transfer(session, first.id, "test")
        session.get_one(Transfer, second.id).leftovers = True
    assert claim
    with session_scope() as session:
        transfers.cancel(session, session.get_one(Transfer, parent.id), "test")
    assert transfer(first.id).state is TransferState.TRANSFERRING
    with session_scope() as session:
        [verdict] = claims.renew_claims(session, Transfer, {claim: {}}).values()
    assert isinstance(verdict, Cancelled)  # the worker hears of it
    assert overdue() == ["transfers.clean"]


def test_a_folder_goes_up_as_a_prefix(bench: Bench) -> None:
    (bench.home / "out/deep").mkdir(parents=True)
    (bench.home / "out/a").write_text("a")
    (bench.home / "out/deep/größe").write_text("b")
    (bench.home / "out/.a.0123456789ab.part").write_text("not yet")
    (bench.home / "out/link").symlink_to("deep/größe")
    parent = work(bench.create("s3_result", "out", prefix := f"{uuid4().hex}/up/"))
    for row in children(parent.id):
        work(row.id)
    assert swept(parent.id).state is TransferState.COMPLETED
    found = bench.s3.list_objects_v2(Bucket="data", Prefix=prefix)["Contents"]
    assert [(each["Key"].removeprefix(prefix), each["Size"]) for each in found] == [
        ("a", 1),
        ("deep/größe", 1),
        ("link", 1),
    ]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/etc/passwd", "out/link leads through a symbolic link out of"),
        ("../elsewhere", "out/link is not a file"),
        (".", "out/link is not a file"),
        ("missing", "out/link does not exist"),
        ("link", "out/link leads in circles"),
    ],
)
def test_a_link_that_cannot_be_followed_is_named(bench: Bench, target: str, says: str) -> None:
    for folder in ("out", "elsewhere"):
        (bench.home / folder).mkdir(parents=True)
    (bench.home / "out/a").write_text("a")
    (bench.home / "out/link").symlink_to(target)
    parent = work(bench.create("s3_result", "out", "up/"))
    assert (parent.state, parent.children) == (TransferState.FAILED, None)
    assert says in parent.reason


def test_an_object_that_no_file_can_hold_is_named(bench: Bench) -> None:
    prefix = f"{uuid4().hex}/"
    listing = LISTING.format(prefix=prefix).encode()
    with web(
        {f"/data?encoding-type=url&list-type=2&prefix={prefix.replace('/', '%2F')}": Page(listing)}
    ) as url:
        row_id = bench.create("s3_data", "in", prefix)
        with session_scope() as session:
            session.get_one(Transfer, row_id).endpoint = url
        parent = work(row_id)
    assert (parent.state, parent.children) == (TransferState.FAILED, None)
    assert parent.reason.startswith(f"'sub/' below {prefix} is no path below a folder")
    assert parent.fault == Fault.NAME


def test_nothing_below_a_prefix_is_a_failure(bench: Bench) -> None:
    parent = work(bench.create("s3_data", "in", "no/such/"))
    assert (parent.state, parent.children) == (TransferState.FAILED, None)
    assert parent.reason == "there is nothing below no/such/: check object, which ends in '/'"
    assert parent.fault == Fault.NOT_FOUND
    (bench.home / "empty").mkdir()
    parent = work(bench.create("s3_result", "empty", "up/"))
    assert parent.reason.endswith("empty: check the path")
    assert parent.fault == Fault.NOT_FOUND
    parent = work(bench.create("s3_result", "missing", "up/"))
    assert "does not exist" in parent.reason


def test_lists_show_parts_only_when_asked(api: TestClient, bench: Bench, prefix: str) -> None:
    parent = work(bench.create("s3_data", "in", prefix))
    items = api.get("/s3_data").json()["items"]
    assert [item["id"] for item in items] == [str(parent.id)]
    assert items[0]["children"] == {"accepted": 3}
    parts = api.get("/s3_data", params={"parent": str(parent.id)}).json()["items"]
    assert {part["parent_id"] for part in parts} == {str(parent.id)}
    assert len(parts) == 3
    assert api.get(f"/s3_data/{parts[0]['id']}").status_code == 200
