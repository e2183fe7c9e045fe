"""Jobs and members found by the scheduler's id: which row it is, and that an index serves the search."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from gateway.db import session_scope
from gateway.jobs.scheduler_ids import Found, find_newest
from gateway.models import Job, JobMember
from tests.plans import explained
from tests.rows import new_job, new_sweep

STRIDES = [{"perforation_stride": stride} for stride in range(1, 4)]


def _find(text: str, owner: str | None = None) -> Found | None:
    with session_scope(read_only=True) as session:
        return find_newest(session, owner, text)


def _name(row_id: UUID, scheduler_id: str) -> None:
    with session_scope() as session:
        session.get_one(Job, row_id).scheduler_id = scheduler_id


def _swept(*scheduler_ids: str, owner: str = "ada") -> tuple[UUID, UUID]:
    """Return a sweep whose members have these ids, and its run."""
    row_id, run_id = new_sweep(*STRIDES, owner=owner), uuid4()
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.workflow_id, row.step = run_id, "spectrum"
        for number, scheduler_id in enumerate(scheduler_ids):
            session.get_one(JobMember, (row_id, number)).scheduler_id = scheduler_id
    return row_id, run_id


@pytest.mark.usefixtures("database")
def test_the_newest_job_of_an_id_is_found_among_those_of_the_owner() -> None:
    older, newer, other = new_job("fft", owner="ada"), new_job("fft", owner="eve"), new_job("fft")
    for row_id in (older, newer):
        _name(row_id, "4711")
    _name(other, "4712")
    assert [_find("4711", owner) for owner in (None, "ada", "eve", "bob")] == [
        Found(newer),
        Found(older),
        Found(newer),
        None,
    ]
    assert (_find(""), _find("471"), _find("4711_1"), _find("%")) == (None, None, None, None)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("stored", "member", "array"),
    [
        (("50_1", "50_2", "50_3"), "50_2", "50"),
        (("50[].pbs1_1", "50[].pbs1_2", "50[].pbs1_3"), "50[2].pbs1", "50[].pbs1"),
        (("50", "50_2", "50"), "50_2", "50"),  # those that wait have the array's id
    ],
    ids=["slurm", "pbs", "waiting"],
)
def test_a_member_is_found_by_its_own_id_and_its_job_by_the_arrays(
    stored: tuple[str, ...], member: str, array: str
) -> None:
    row_id, run_id = _swept(*stored)
    assert _find(member) == _find(stored[1]) == _find(member, "ada") == Found(row_id, run_id, "0001")
    assert _find(array) == Found(row_id, run_id)
    assert (_find(member, "eve"), _find(array, "eve"), _find("5"), _find("50_9")) == (None,) * 4


def _fill(session: Session, row_id: UUID, table: type[Job] | type[JobMember]) -> None:
    """Copy a row some thousand times, each with an id of the scheduler of its own, half of them without."""
    columns = [each.key for each in table.__table__.columns]
    row = session.get_one(table, (row_id, 0) if table is JobMember else row_id)
    known = {name: getattr(row, name) for name in columns if name != "watched_at"}
    own = "job_id" if table is JobMember else "id"
    copies = [{own: uuid4(), "scheduler_id": str(number) if number % 2 else ""} for number in range(4000)]
    session.execute(insert(table), [known | copy for copy in copies])


def test_an_index_serves_the_search_in_big_tables(database: Engine) -> None:
    row_id = new_sweep(*STRIDES)
    with session_scope() as session:
        for table in (Job, JobMember):
            _fill(session, row_id, table)
    with database.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    for owner in (None, "local"):
        with explained(prefers_indexes=False) as (connection, plans), Session(connection) as session:
            find_newest(session, owner, "none has it")
        assert len(plans) == 2
        for plan, name in zip(plans, ("ix_jobs_scheduler_id", "ix_job_members_scheduler_id"), strict=True):
            assert name in plan, plan
