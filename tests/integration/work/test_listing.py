from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api import row_reads
from gateway.db import session_scope
from gateway.models import Transfer
from tests.ended_rows import failed_transfer
from tests.rows import new_job, new_transfer


def _ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["items"]]


def test_pages_are_newest_first_and_stay_right_while_rows_are_added(api: TestClient) -> None:
    made = [str(new_transfer()) for _ in range(5)]
    first = api.get("/s3_data", params={"limit": 2}).json()
    new_transfer()
    second = api.get("/s3_data", params={"limit": 2, "cursor": first["next"]}).json()
    third = api.get("/s3_data", params={"limit": 2, "cursor": second["next"]}).json()
    assert _ids(first) + _ids(second) + _ids(third) == made[::-1]
    assert third["next"] is None
    assert (first["counts"], second["counts"]) == ({"accepted": 5}, None)


def test_rows_of_the_same_moment_are_neither_lost_nor_repeated(api: TestClient) -> None:
    made = {str(new_transfer()) for _ in range(7)}
    with session_scope() as session:
        session.execute(update(Transfer).values(created_at=datetime(2026, 1, 1, tzinfo=UTC)))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = api.get("/s3_data", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += _ids(page)
        cursor = page["next"]
        if cursor is None:
            break
    assert (len(seen), set(seen)) == (7, made)


def test_each_collection_shows_its_own_kind(api: TestClient) -> None:
    ids = {"/s3_data": new_transfer(), "/s3_result": new_transfer("s3_result"), "/job": new_job("fft")}
    for url, row_id in ids.items():
        assert _ids(api.get(url).json()) == [str(row_id)]


def test_filters_find_what_they_say(api: TestClient) -> None:
    bucket = str(failed_transfer("NoSuchBucket: 100%_sure"))
    waiting = str(new_transfer(infrastructure="unserved", path="x.csv"))
    for params, expected in (
        ({"state": "failed"}, [bucket]),
        ({"state": ["failed", "accepted"]}, [waiting, bucket]),
        ({"state": "completed"}, []),
        ({"infrastructure": "unserved"}, [waiting]),
        ({"infrastructure": "nowhere"}, []),
        ({"reason": "nosuchbucket"}, [bucket]),
        ({"reason": "0%_s"}, [bucket]),
        ({"reason": "0_sure"}, []),
        ({"reason": "%"}, [bucket]),
    ):
        page = api.get("/s3_data", params=params).json()
        assert _ids(page) == expected, params
        assert sum(page["counts"].values()) == len(expected)


def test_jobs_are_found_by_a_service_and_not_by_a_part_of_its_name(api: TestClient) -> None:
    row_id = str(new_job("fft", "min_max"))
    found = {s: _ids(api.get("/job", params={"service": s}).json()) for s in ("fft", "min_max", "min", "%")}
    assert found == {"fft": [row_id], "min_max": [row_id], "min": [], "%": []}


def test_the_range_of_creation_includes_its_start_and_not_its_end(api: TestClient) -> None:
    row_id = str(new_transfer())
    at = datetime.fromisoformat(api.get(f"/s3_data/{row_id}").json()["created_at"])
    later = (at + timedelta(microseconds=1)).astimezone(UTC).isoformat()
    for params, expected in (
        ({"since": at.isoformat()}, [row_id]),
        ({"since": later}, []),
        ({"until": at.isoformat()}, []),
        ({"until": later}, [row_id]),
    ):
        assert _ids(api.get("/s3_data", params=params).json()) == expected, params


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"state": "succeeded"},
        {"state": "nonsense"},
        {"cursor": "nonsense"},
        {"cursor": "é"},
        {"cursor": "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCAw"},
        {"since": "yesterday"},
        {"until": "0.5"},
        {"since": "1700000000"},
        {"since": "2026-11-22T00:00:00"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"infrastructure": "nul\0"},
        {"reason": "nul\0"},
        {"service": "fft"},
        {"sate": "failed"},
    ],
)
def test_a_bad_filter_is_400_and_says_what_is_wrong(api: TestClient, params: dict[str, Any]) -> None:
    answer = api.get("/s3_data", params=params)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_list_does_not_wait_for_one_that_takes_long(api: TestClient) -> None:
    with row_reads._lists._turn:  # noqa: SLF001
        assert api.get("/job").status_code == 200
