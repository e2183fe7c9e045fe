"""Looks at a table before a run: its transfer, and the fields of the form that starts a run on it."""

from uuid import UUID

from sqlalchemy.orm import Session

from api.console.forms import Fields, validate
from api.console.run_form import input_of_form
from api.schemas.workflows import WorkflowInput
from gateway.callers import Caller
from gateway.db import session_scope
from gateway.errors import Invalid
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.transfers import lifecycle as transfers
from gateway.work.listing import Kind
from gateway.workflows import looks

ON_CLUSTER = "a file of the cluster is read when a run begins, and the run's page says how: start it"


def stage_table(caller: Caller, form: Fields) -> tuple[Kind, UUID]:
    """Stage the input of the form to its cluster; return kind and id of the transfer."""
    body = validate(WorkflowInput, input_of_form(form))
    source = body.to_plan()
    if source.path is not None:
        raise Invalid(ON_CLUSTER, field="input")
    opening = body.s3.to_request().opening if body.s3 is not None else None
    with session_scope() as session:
        draft = looks.stage_input(session, caller.owner, form.text("infrastructure"), source, opening)
        return source.kind, draft.row.id


def load_look(session: Session, caller: Caller, kind: Kind, row_id: UUID) -> tuple[Transfer, Fields]:
    """Return the transfer of a table and the fields of a run on it, or raise NotFound."""
    row = transfers.get(session, caller, kind, row_id)
    path = looks.input_path(session, row)
    fields = {"input": ["path"], "input.path": [path], "infrastructure": [row.infrastructure]}
    return row, Fields(fields)


def find_look(session: Session, caller: Caller, path: str) -> str:
    """Return the transfer that staged the path of an input for a look, as `s3_data/ID`, or ""."""
    row_id = looks.id_of_path(path)
    row = session.get(Transfer, row_id) if row_id else None
    if row is None or not caller.may_see(row.owner) or not row.path.endswith(path):
        return ""
    return f"{row.kind}/{row.id}" if row.state is TransferState.COMPLETED else ""
