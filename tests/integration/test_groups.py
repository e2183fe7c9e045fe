"""Groups of small transfers: claimed together, moved several at once, each with an end of its own."""

import threading
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from gateway import claims, groups, history, transfers
from gateway.claims import Claim
from gateway.db import db_now, session_scope
from gateway.errors import Cancelled, StorageUnavailable
from gateway.models import Transfer
from gateway.outbox import take_overdue
from gateway.settings import get_settings
from gateway.staging import Progress
from gateway.states import TransferState
from tests.fault_proxy import Fault
from tests.rows import new_transfer, transfer
from tests.staging import everything
from tests.staging_rows import Bench, work
from workers import keeper
from workers.carrying import SomeFailed, carry_out
from workers.keeper import RENEW_S
from workers.tasks.transfers import run

WORKER = "w1"
BOOKKEEPING = {"id", "path", "object", "created_at", "queued_at", "updated_at", "ended_at", "worker"}


def shown(row: Transfer) -> dict[str, object]:
    """Return the columns in which two transfers that went the same way are alike."""
    columns = (column.name for column in Transfer.__table__.columns)
    return {name: getattr(row, name) for name in columns if name not in BOOKKEEPING}


def told(row_id: UUID) -> list[tuple[str, str, int, int]]:
    with session_scope(read_only=True) as session:
        events = history.events(session, session.get_one(Transfer, row_id))
    return [(each.from_state, each.to_state, each.attempt, each.claim) for each in events]


def take(*row_ids: UUID, worker: str = WORKER) -> list[Claim]:
    with session_scope() as session:
        return [claim for claim, _ in groups.take(session, row_ids, worker)]


def count(_: Transfer, __: Claim, progress: Progress) -> None:
    """Stand for the work of a transfer of three bytes."""
    progress.advance(3)


class TestRows:
    """What becomes of the rows, on each database."""

    @pytest.fixture(autouse=True)
    def _database(self, database: object) -> None:
        assert database

    def test_a_row_looks_as_if_it_had_come_alone(self) -> None:
        alone, one, other = (new_transfer() for _ in range(3))
        with session_scope() as session:
            claim = claims.take_transfer(session, alone, WORKER)
        assert claim
        taken = take(one, other)
        assert taken == [Claim(one, 1, 1, repeated=False), Claim(other, 1, 1, repeated=False)]
        differs = dict.fromkeys(["lease_until", "next_send_at", "credentials"])
        assert shown(transfer(one)) | differs == shown(transfer(alone)) | differs
        assert transfer(one).lease_until is not None
        assert transfer(one).next_send_at is not None
        with session_scope() as session:
            transfers.complete(session, claim, 3)
        with session_scope() as session:
            assert groups.complete(session, dict.fromkeys(taken, 3), WORKER) == set(taken)
        assert shown(transfer(one)) == shown(transfer(other)) == shown(transfer(alone))
        assert told(one) == told(other) == told(alone)
        assert transfer(one).ended_at == transfer(one).updated_at

    def test_of_many_workers_with_the_same_message_each_row_has_one(self) -> None:
        row_ids = [new_transfer() for _ in range(20)]
        taken: list[Claim] = []
        workers = [
            threading.Thread(target=lambda name: taken.extend(take(*row_ids, worker=name)), args=[f"w{n}"])
            for n in range(6)
        ]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join()
        assert sorted(claim.id for claim in taken) == sorted(row_ids)
        assert {claim.number for claim in taken} == {1}

    def test_what_has_been_begun_ended_cancelled_or_never_was_is_not_taken(self) -> None:
        held, dead, cancelled, done, waiting = (new_transfer() for _ in range(5))
        take(held)
        take(dead)
        [claim] = take(done)
        with session_scope() as session:
            session.execute(update(Transfer).where(Transfer.id == dead).values(lease_until=db_now(-1)))
            transfers.cancel(session, session.get_one(Transfer, cancelled))
            transfers.complete(session, claim, 3)
            row = session.get_one(Transfer, waiting)
            row.state, row.retry_at = TransferState.RETRYING, None
        before = [transfer(each) for each in (held, dead, cancelled, done, waiting)]
        assert take(held, dead, cancelled, done, waiting, uuid4()) == []
        after = [transfer(each) for each in (held, dead, cancelled, done, waiting)]
        assert [shown(row) for row in before] == [shown(row) for row in after]

    def test_the_row_of_a_dead_worker_is_sent_by_itself(self) -> None:
        row_ids = [new_transfer() for _ in range(3)]
        take(*row_ids)
        with session_scope() as session:
            session.execute(update(Transfer).values(lease_until=db_now(-1), next_send_at=db_now(-1)))
        with session_scope() as session:
            sent = take_overdue(session, 10)
        assert sorted(message.id for message in sent) == sorted(row_ids)
        assert {message.others for message in sent} == {()}

    def test_who_has_lost_its_claim_completes_nothing(self) -> None:
        row_id = new_transfer()
        [first] = take(row_id)
        with session_scope() as session:
            session.execute(update(Transfer).values(lease_until=db_now(-1)))
        with session_scope() as session:
            second = claims.take_transfer(session, row_id, "w2")
        with session_scope() as session:
            assert groups.complete(session, {first: 3}, WORKER) == set()
        assert (transfer(row_id).state, transfer(row_id).claim) == (TransferState.TRANSFERRING, 2)
        with session_scope() as session:
            assert second
            assert groups.complete(session, {second: 3}, "w2") == {second}

    def test_all_end_well_and_a_message_that_comes_twice_finds_nothing_to_do(self) -> None:
        row_ids = [str(new_transfer()) for _ in range(30)]
        carry_out(WORKER, row_ids, count)
        carry_out("w2", row_ids, lambda *_: pytest.fail("it is done"))
        rows = [transfer(UUID(row_id)) for row_id in row_ids]
        assert {(row.state, row.bytes_done, row.worker, row.claim) for row in rows} == {
            (TransferState.COMPLETED, 3, WORKER, 1)
        }

    def test_bad_ends_are_their_own(self) -> None:
        good, busy, broken, odd = (new_transfer() for _ in range(4))

        def act(row: Transfer, claim: Claim, progress: Progress) -> None:
            if row.id == busy:
                raise StorageUnavailable("busy")
            if row.id == broken:
                raise Cancelled("as asked")
            if row.id == odd:
                raise ZeroDivisionError
            count(row, claim, progress)

        with pytest.raises(SomeFailed, match="3 of 4 failed, one of them "):
            carry_out(WORKER, [str(each) for each in (good, busy, broken, odd)], act)
        states = [transfer(each).state for each in (good, busy, broken, odd)]
        assert states == [
            TransferState.COMPLETED,
            TransferState.RETRYING,
            TransferState.CANCELLED,
            TransferState.FAILED,
        ]
        assert transfer(busy).next_send_at is not None
        assert "internal error (ZeroDivisionError)" in transfer(odd).reason

    def test_one_that_somebody_holds_at_its_end_is_waited_for(self) -> None:
        row_ids = [new_transfer() for _ in range(3)]
        holding, done = threading.Event(), threading.Event()

        def hold() -> None:
            with session_scope() as session:
                session.scalar(select(Transfer).where(Transfer.id == row_ids[1]).with_for_update())
                holding.set()
                done.wait(0.5)

        def act(row: Transfer, claim: Claim, progress: Progress) -> None:
            if row.id == row_ids[0]:
                threading.Thread(target=hold).start()
                holding.wait(5)
            count(row, claim, progress)

        carry_out(WORKER, [str(each) for each in row_ids], act)
        done.set()
        assert {transfer(each).state for each in row_ids} == {TransferState.COMPLETED}

    def test_a_cancel_meets_those_under_way_and_those_that_wait(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GATEWAY_CONNECTIONS", "2")
        get_settings.cache_clear()
        row_ids = [new_transfer() for _ in range(4)]
        begun: list[UUID] = []

        def act(row: Transfer, _: Claim, progress: Progress) -> None:
            begun.append(row.id)
            with session_scope() as session:
                for each in row_ids[1:]:
                    asked = session.get_one(Transfer, each, with_for_update=True)
                    if asked.cancel_requested_at is None:
                        transfers.cancel(session, asked)
            if row.id == row_ids[0]:
                progress.advance(3)
                return
            heard = threading.Event()
            while not heard.wait(0.01):
                progress.advance(0)

        with pytest.raises(SomeFailed, match="3 of 4"):
            carry_out(WORKER, [str(each) for each in row_ids], act)
        states = [transfer(each).state for each in row_ids]
        assert states == [TransferState.COMPLETED, *[TransferState.CANCELLED] * 3]
        assert row_ids[3] not in begun

    def test_a_stopped_worker_hands_back_what_it_has_not_done(self, monkeypatch: pytest.MonkeyPatch) -> None:
        row_ids = [new_transfer() for _ in range(3)]
        monkeypatch.setattr(keeper, "stopping", lambda: True)

        def act(row: Transfer, claim: Claim, progress: Progress) -> None:
            if row.id != row_ids[0]:
                heard = threading.Event()
                while not heard.wait(0.01):
                    progress.advance(0)
            count(row, claim, progress)

        carry_out(WORKER, [str(each) for each in row_ids], act)
        assert transfer(row_ids[0]).state is TransferState.COMPLETED
        for row in map(transfer, row_ids[1:]):
            assert (row.state, row.lease_until) == (TransferState.TRANSFERRING, None)
        with session_scope() as session:
            assert {message.id for message in take_overdue(session, 10)} == set(row_ids[1:])

    def test_ends_that_cannot_be_written_down_leave_their_rows_to_the_next_worker(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row_ids = [new_transfer() for _ in range(3)]

        def away(*_: object) -> None:
            raise OperationalError("COMMIT", {}, RuntimeError("the database is away"))

        monkeypatch.setattr(groups, "complete", away)
        with pytest.raises(OperationalError):
            carry_out(WORKER, [str(each) for each in row_ids], count)
        rows = [transfer(each) for each in row_ids]
        assert {row.state for row in rows} == {TransferState.TRANSFERRING}
        assert all(row.lease_until and row.next_send_at for row in rows)

    def test_leases_are_renewed_of_those_that_have_not_ended(self) -> None:
        short, long = new_transfer(), new_transfer()
        leases: list[object] = []

        def act(row: Transfer, claim: Claim, progress: Progress) -> None:
            if row.id == long:
                leases.append(transfer(long).lease_until)
                threading.Event().wait(2.5 * RENEW_S)
                leases.append(transfer(long).lease_until)
                assert transfer(short).state is TransferState.COMPLETED  # long before its group
            count(row, claim, progress)

        carry_out(WORKER, [str(short), str(long)], act)
        assert transfer(long).state is TransferState.COMPLETED
        assert leases[0] < leases[1]  # type: ignore[operator]

    def test_cancels_of_all_and_ends_of_some_never_wait_for_each_other(self) -> None:
        parent = uuid4()
        row_ids = [new_transfer() for _ in range(40)]
        with session_scope() as session:
            session.execute(update(Transfer).values(parent_id=parent))
        failed: list[BaseException] = []

        def cancel() -> None:
            try:
                for _ in range(20):
                    with session_scope() as session:
                        for each in reversed(row_ids):
                            session.get_one(Transfer, each, with_for_update=True)
            except BaseException as error:  # noqa: BLE001  shown by the assertion
                failed.append(error)

        def act(row: Transfer, claim: Claim, progress: Progress) -> None:
            if row.id == row_ids[0]:
                canceller.start()
            count(row, claim, progress)

        canceller = threading.Thread(target=cancel)
        carry_out(WORKER, [str(each) for each in row_ids], act)
        canceller.join()
        assert failed == []
        assert {transfer(each).state for each in row_ids} == {TransferState.COMPLETED}


class TestBytes:
    """What becomes of the files."""

    @pytest.fixture
    def prefix(self, bench: Bench) -> str:
        prefix = f"{uuid4().hex}/"
        for n in range(12):
            bench.s3.put_object(Bucket="data", Key=f"{prefix}f{n:02}", Body=b"x" * n)
        return prefix

    def children(self, parent: UUID) -> list[Transfer]:
        with session_scope(read_only=True) as session:
            mine = select(Transfer).where(Transfer.parent_id == parent).order_by(Transfer.created_at)
            return list(session.scalars(mine))

    def test_a_prefix_is_one_more_message(self, bench: Bench, prefix: str) -> None:
        parent = work(bench.create("s3_data", "in", prefix))
        rows = self.children(parent.id)
        run.apply(args=[str(row.id) for row in rows], throw=True)
        assert {row.state for row in self.children(parent.id)} == {TransferState.COMPLETED}
        assert everything(bench.home) == ["in", *(f"in/f{n:02}" for n in range(12))]
        assert [(bench.home / f"in/f{n:02}").read_bytes() for n in range(12)] == [b"x" * n for n in range(12)]

    def test_a_folder_goes_up_in_a_group(self, bench: Bench) -> None:
        for n in range(12):
            (bench.home / "out").mkdir(parents=True, exist_ok=True)
            (bench.home / f"out/f{n}").write_bytes(b"y" * n)
        parent = work(bench.create("s3_result", "out", prefix := f"{uuid4().hex}/"))
        run.apply(args=[str(row.id) for row in self.children(parent.id)], throw=True)
        listed = bench.s3.list_objects_v2(Bucket="data", Prefix=prefix)["Contents"]
        assert sorted(each["Size"] for each in listed) == list(range(12))

    def test_one_that_cannot_be_written_stops_no_other(self, bench: Bench, prefix: str) -> None:
        (bench.home / "in/f05").mkdir(parents=True)
        parent = work(bench.create("s3_data", "in", prefix))
        rows = self.children(parent.id)
        with pytest.raises(SomeFailed, match="1 of 12 failed, one of them .*: .*is a folder"):
            run.apply(args=[str(row.id) for row in rows], throw=True)
        states = [row.state for row in self.children(parent.id)]
        assert states.count(TransferState.COMPLETED) == 11
        assert states[5] is TransferState.FAILED

    def test_a_store_that_is_away_puts_all_of_them_off(self, bench: Bench, prefix: str) -> None:
        parent = work(bench.create("s3_data", "in", prefix))
        rows = self.children(parent.id)
        bench.proxy.restart(lambda _: Fault("busy"))
        with pytest.raises(SomeFailed, match="of 12 failed, one of them .*: the store at .* is too busy"):
            run.apply(args=[str(row.id) for row in rows], throw=True)
        states = [row.state for row in self.children(parent.id)]
        assert states.count(TransferState.RETRYING) > 6  # the others had a connection from before
        bench.heal_store()
        for row, state in zip(rows, states, strict=True):
            if state is TransferState.RETRYING:
                work(row.id)
        assert {row.state for row in self.children(parent.id)} == {TransferState.COMPLETED}
        assert everything(bench.home) == ["in", *(f"in/f{n:02}" for n in range(12))]
