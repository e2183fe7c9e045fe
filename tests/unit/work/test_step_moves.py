"""Every process that can move a row has loaded the listener that begins the next steps of its workflow."""

import re
from pathlib import Path
from uuid import uuid4

import grimp
import pytest
from sqlalchemy.orm import Session

from gateway.models import Job, Transfer
from gateway.states import JobState, TransferState
from gateway.work import step_moves, transitions

ROOT = Path(__file__).parents[3]
STARTS = (
    "hpc_gateway_commands/*.py",
    "hpc_gateway_commands/demo/*.py",
    "workers/launch.py",
    "gateway/processes.py",
)
_ENTRY = re.compile(r'"((?:api|workers|gateway)(?:\.\w+)+)(?::\w+)?"')


def started_modules() -> set[str]:
    """Return the modules that the commands start as processes, and the application that a server makes."""
    files = [file for pattern in STARTS for file in ROOT.glob(pattern)]
    return {"api.app", *(name for file in files for name in _ENTRY.findall(file.read_text(encoding="utf-8")))}


def test_the_processes_are_found() -> None:
    assert started_modules() >= {"api.app", "api.server", "workers.app", "workers.launch", "workers.watcher"}


def test_a_process_that_can_move_rows_has_the_listener() -> None:
    graph = grimp.build_graph("api", "gateway", "workers", "hpc_gateway_commands")
    for name in sorted(started_modules() & graph.modules):
        imported = graph.find_upstream_modules(name)
        moves_rows = "gateway.work.transitions" in imported
        assert "gateway.workflows.advance" in imported or not moves_rows, f"{name} moves rows without it"


@pytest.mark.parametrize(
    ("row", "to"),
    [
        (Transfer(state=TransferState.ACCEPTED), TransferState.TRANSFERRING),
        (Transfer(state=TransferState.TRANSFERRING), TransferState.COMPLETED),
        (Job(state=JobState.RUNNING), JobState.TIMEOUT),
    ],
)
def test_without_the_listener_no_step_moves(
    monkeypatch: pytest.MonkeyPatch, row: Transfer | Job, to: TransferState | JobState
) -> None:
    monkeypatch.setattr(step_moves, "listener", step_moves.no_listener)
    row.id, row.workflow_id = uuid4(), uuid4()
    with pytest.raises(RuntimeError, match=r"has not imported gateway\.workflows\.advance"):
        transitions.move(Session(), row, to)


def test_a_row_of_no_workflow_needs_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_moves, "listener", step_moves.no_listener)
    row = Transfer(id=uuid4(), state=TransferState.TRANSFERRING)
    transitions.move(Session(), row, TransferState.COMPLETED)
    assert row.state is TransferState.COMPLETED
