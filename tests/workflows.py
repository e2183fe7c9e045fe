"""Workflows of the tests: bodies, and the ends of their steps by the use cases, without a cluster."""

from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import undefer

from api.schemas.workflows import WorkflowRequest
from gateway.callers import LOCAL
from gateway.db import session_scope
from gateway.errors import StorageError
from gateway.jobs.lifecycle import finish
from gateway.jobs.services import RESULT_FILES
from gateway.models import Job, Transfer, Workflow
from gateway.states import JobState
from gateway.transfers.lifecycle import complete
from gateway.work import failures
from gateway.work.claims import take_ending
from gateway.workflows.lifecycle import create
from gateway.workflows.validation import draft_workflow
from tests.ended_rows import claim_row, claim_transfer, submit_job
from tests.rows import SECRET

STORE: dict[str, Any] = {
    "endpoint": "https://s3.example.org",
    "bucket": "b",
    "object": "in/table.csv",
    "access_key": "the-access-key",
    "secret_key": SECRET,
}
TARGET = {**STORE, "object": "results/"}
SMOOTH: dict[str, Any] = {"name": "smooth", "services": ["savitzky_golay"]}
SPECTRUM: dict[str, Any] = {"name": "spectrum", "services": ["fft"], "input_from": "smooth"}


def body(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a request: by default an object, two jobs in a row and a place for the result."""
    whole = {
        "infrastructure": "hpc",
        "input": {"s3": STORE},
        "jobs": list(jobs) or [SMOOTH, SPECTRUM],
        "output": {"s3": TARGET},
    }
    return {**whole, **more}


def post(api: TestClient, url: str, expected: int = 200, **sent: Any) -> dict[str, Any]:
    """Send a POST, which has to be answered with the expected status; return the answer."""
    answer = api.post(url, json=sent or None)
    assert answer.status_code == expected, answer.text
    found: dict[str, Any] = answer.json()
    return found


def start(api: TestClient, *jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return post(api, "/workflow", 201, **body(*jobs, **more))


def filtered_run(api: TestClient) -> str:
    """Return an ended run whose second filter reads the result of the first one."""
    kalman = {"name": "kalman", "services": ["kalman"], "input_from": "smooth"}
    run_id = str(start(api, SMOOTH, kalman, output=None)["id"])
    end_transfer(run_id)
    end_job(run_id, "smooth")
    end_job(run_id, "kalman")
    return run_id


def new_workflow(owner: str = LOCAL.owner) -> UUID:
    with session_scope() as session:
        row = draft_workflow(session, owner, WorkflowRequest.model_validate(body()).to_request())
        create(session, row)
        return row.id


def workflow(workflow_id: UUID) -> Workflow:
    """Return the row with all columns of its status."""
    steps = undefer(Workflow.transfer_steps), undefer(Workflow.job_steps)
    with session_scope(read_only=True) as session:
        return session.get_one(Workflow, workflow_id, options=steps)


def show(api: TestClient, workflow_id: str) -> dict[str, Any]:
    answer = api.get(f"/workflow/{workflow_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def states(status: dict[str, Any]) -> dict[str, str]:
    """Return the state of each step by its name."""
    return {step["name"]: step["state"] for step in status["steps"]}


def step_id(workflow_id: str, name: str, *, is_job: bool = True) -> UUID:
    """Return the id of a step that has begun; there is one at most."""
    model = Job if is_job else Transfer
    found = select(model.id).where(model.workflow_id == UUID(workflow_id), model.step == name)
    with session_scope(read_only=True) as session:
        return session.scalars(found).one()


def end_transfer(workflow_id: str, name: str = "input", *, fault: str = "", size: int = 5) -> UUID:
    """End a transfer of the workflow, as failed where there is a fault."""
    row_id = step_id(workflow_id, name, is_job=False)
    claim = claim_transfer(row_id)
    with session_scope() as session:
        if fault:
            failures.record_failure(session, session.get_one(Transfer, row_id), StorageError(fault))
        else:
            complete(session, claim, size)
    return row_id


def end_job(workflow_id: str, name: str, *, fault: str = "", state: JobState = JobState.FAILED) -> UUID:
    """End a job of the workflow with a result of each service, or as failed where there is a fault."""
    row_id = step_id(workflow_id, name)
    submit_job(row_id)
    end = state if fault else JobState.SUCCEEDED
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.finding = {"state": str(end), "exit_code": 2 if fault else 0, "reason": fault}
        outputs = [] if fault else [_output(row, service) for service in row.services.split()]
    claim = claim_row(take_ending, Job, row_id)
    with session_scope() as session:
        finish(session, claim, end, fault, outputs=outputs, usage={})
    return row_id


def _output(row: Job, service: str) -> dict[str, Any]:
    file = RESULT_FILES[service].removesuffix("csv") + row.params["output_format"]
    path = f"serrano/data/Output_Data/jobs/{row.name}/{file}"
    return {"service": service, "path": path, "bytes": 2, "sha256": "0" * 64}
