"""The JSON of a new row's status is that of the status object, byte for byte."""

import pytest

from api.schemas.shapes import SHAPES
from gateway.callers import LOCAL, Caller, Scope
from gateway.models import Job, Transfer
from gateway.models.base import fill_defaults, new_row
from gateway.work.listing import KINDS, WorkKind

PARAMS = {"kalman": {"r": 1e-7}, "read_input_data": "/größe.csv", "flags": [1, True, None, 1e22]}
OTHER = Caller("ada", Scope.OPERATOR)


def row_of(kind: WorkKind) -> Transfer | Job:
    row: Transfer | Job
    if kind == "job":
        row = Job(services="fft min_max", params=PARAMS, watch_period=1.0, warnings=['"quoted"'])
        row.watched_at = None
    else:
        urls = {"endpoint": "https://s3.example.org/?token=1", "bucket": "b", "object": "ö\u2028.csv"}
        row = new_row(Transfer, kind=kind, region="local", path="x/y.csv", warnings=["a"], **urls)
    row.owner, row.infrastructure = "local", "hpc"
    fill_defaults(row)
    return row


@pytest.mark.parametrize("caller", [LOCAL, OTHER], ids=["owner", "other"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_that_of_the_object(kind: WorkKind, caller: Caller) -> None:
    row, shape = row_of(kind), SHAPES[kind]
    assert shape.json_of(row, caller) == shape.of(row, caller).model_dump_json()
