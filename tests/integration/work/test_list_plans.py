"""The plans of lists: pages are read in the order of an index, counts from an index alone."""

import base64
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from api.schemas.shapes import SHAPES
from gateway.work.counts import count_by_state
from gateway.work.listing import Filter, Kind
from gateway.work.pages import fetch_page
from tests.plans import explained

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
CURSOR = base64.urlsafe_b64encode(f"{MOMENT.isoformat()} {uuid4()}".encode()).decode()
FILTERS = {
    "all": Filter(),
    "one state": Filter(states=("failed",)),
    "some states": Filter(states=("failed", "cancelled")),
    "owner": Filter(owner="ada"),
    "owner's state": Filter(owner="ada", states=("failed",)),
    "owner's states": Filter(owner="ada", states=("failed", "cancelled")),
    "since": Filter(since=MOMENT),
    "until": Filter(owner="ada", until=MOMENT),
    "parent": Filter(parent=uuid4()),
    "parent's state": Filter(parent=uuid4(), states=("failed",)),
}
TABLES = {"job": "jobs", "workflow": "workflows"}  # the others are transfers, which may have a parent
LISTS = [(kind, name) for kind in SHAPES for name in FILTERS if kind not in TABLES or "parent" not in name]


def _page_plan(kind: Kind, wanted: Filter, cursor: str | None = None) -> str:
    with explained() as (connection, plans):
        fetch_page(connection, kind, SHAPES[kind].columns(), wanted, cursor=cursor, limit=100)
    return plans[-1]


@pytest.mark.parametrize(("kind", "name"), LISTS)
@pytest.mark.parametrize("cursor", [None, CURSOR], ids=["first", "next"])
def test_a_page_is_read_in_the_order_of_an_index(
    database: Engine, kind: Kind, name: str, cursor: str | None
) -> None:
    wanted = FILTERS[name]
    plan = _page_plan(kind, wanted, cursor)
    table = TABLES.get(kind, "transfers")
    assert f"ix_{table}_list" in plan
    if database.dialect.name == "sqlite":
        assert f"SCAN {table}\n" not in f"{plan}\n"
    else:
        assert "Seq Scan" not in plan
    if len(wanted.states) < 2:
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan
    else:  # the newest of each state, a page each, are put in order
        assert plan.count(f"ix_{table}_list") >= len(wanted.states)


COUNTED = ["all", "owner", "one state", "owner's state", "parent"]


@pytest.mark.parametrize(("kind", "name"), [each for each in LISTS if each[1] in COUNTED])
def test_a_count_reads_an_index_alone(database: Engine, kind: Kind, name: str) -> None:
    with explained() as (connection, plans):
        count_by_state(connection, FILTERS[name], kind)
    if database.dialect.name == "sqlite":
        assert "COVERING INDEX" in plans[-1]
        assert "list" in plans[-1] or name == "all"
    else:
        assert "Index Only Scan" in plans[-1]


@pytest.mark.parametrize(("kind", "name"), [each for each in LISTS if each[1] in {"since", "until"}])
def test_a_count_of_a_time_reads_the_rows_of_that_time_alone(database: Engine, kind: Kind, name: str) -> None:
    with explained() as (connection, plans):
        count_by_state(connection, FILTERS[name], kind)
    if database.dialect.name == "sqlite":
        assert f"created_at{'<' if name == 'until' else '>'}?" in plans[-1]
    else:
        assert "Seq Scan" not in plans[-1]
