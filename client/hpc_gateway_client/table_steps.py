"""Steps that fetch the judgement of a staged table, and check a job against it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hpc_gateway_client.errors import JobWouldFail
from hpc_gateway_client.models import Transfer
from hpc_gateway_client.steps import Call, Pause, Steps, pauses, request_one
from hpc_gateway_client.tables import TableJudgement


def judged_table(row: Transfer, wait_s: float) -> Steps[TableJudgement]:
    """Fetch the judgement of a staged table until it is no longer under way, or the time is over."""
    started = time.monotonic()
    for pause in pauses():
        table = yield from request_one(TableJudgement, Call("GET", f"{row.url}/table"))
        if table.state != "judging" or time.monotonic() - started >= wait_s:
            break
        yield Pause(pause)
    return table


def checked_table(
    row: Transfer, services: Sequence[str], params: Mapping[str, Any], wait_s: float
) -> Steps[TableJudgement]:
    """Fetch the judgement of a staged table; raise JobWouldFail for a problem of a job with it."""
    table = yield from judged_table(row, wait_s)
    if problem := table.problem_of_job(services, params):
        raise JobWouldFail(problem)
    return table
