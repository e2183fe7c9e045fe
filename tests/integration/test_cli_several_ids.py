"""Commands that take several ids: none is acted on unless all are found, and one refusal keeps no other."""

import json
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import session_scope, utc_now
from gateway.models import Job
from gateway.states import JobState
from tests.rows import job, new_job, new_sweep, new_transfer, transfer
from tests.run_command import Command
from tests.workflows import new_workflow, workflow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNKNOWN = str(UUID(int=7))


def test_nothing_is_done_unless_all_are_found(command: Command) -> None:
    of_job, of_transfer, of_workflow = new_job(), new_transfer(), new_workflow()
    for words in (("jobs", of_job), ("transfers", of_transfer), ("workflow", of_workflow)):
        status, shown, said = command(words[0], "cancel", str(words[1]), UNKNOWN)
        assert (status, shown, UNKNOWN in said) == (4, "", True), said
    states = job(of_job).state, transfer(of_transfer).state, workflow(of_workflow).state
    assert set(map(str, states)) == {"accepted"}


def test_a_refusal_keeps_none_of_the_others_and_names_its_row(command: Command) -> None:
    first, second, third = str(new_job()), str(new_job()), str(new_job())
    assert command("jobs", "cancel", second)[0] == 0
    status, shown, said = command("jobs", "cancel", first, second, third, third, "--json")
    assert (status, [row["id"] for row in json.loads(shown)]) == (1, [first, third])
    assert said == f"hpc-gateway: job {second}: the job has ended already: it is cancelled\n"


def test_a_row_of_another_kind_is_pointed_to(command: Command) -> None:
    of_job, of_workflow = str(new_job()), str(new_workflow())
    status, _, said = command("jobs", "show", of_workflow)
    pointed = f"it is a workflow: hpc-gateway workflow show {of_workflow}"
    assert (status, said) == (4, f"hpc-gateway: there is no job {of_workflow}; {pointed}\n")
    assert f"it is a job: hpc-gateway jobs show {of_job}" in command("workflow", "attach", of_job[:8])[2]


def test_results_of_work_that_goes_on_are_not_there_yet(command: Command) -> None:
    for group, row_id in (("jobs", new_job()), ("workflow", new_workflow())):
        status, _, said = command(group, "get", str(row_id))
        assert (status, "is still accepted" in said) == (6, True), said


def test_a_sweep_has_no_results_of_its_own(command: Command) -> None:
    row_id = new_sweep({"perforation_stride": 1}, {"perforation_stride": 2})
    with session_scope() as session:
        ended = {"state": JobState.SUCCEEDED, "ended_at": utc_now()}
        session.execute(update(Job).where(Job.id == row_id).values(**ended))
    status, _, said = command("jobs", "get", str(row_id))
    assert (status, "workflow get" in said) == (1, True), said
