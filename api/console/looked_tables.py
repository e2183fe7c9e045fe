"""Looks at a table before a run: its transfer, and the fields of the form that starts a run on it."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy.orm import Session

from api.console.forms import FIELD, Fields, validate
from api.console.run_form import SECRETS, input_of_form
from api.schemas.workflows import WorkflowInput
from gateway.callers import Caller
from gateway.db import session_scope
from gateway.errors import Invalid
from gateway.models import Transfer
from gateway.transfers import lifecycle as transfers
from gateway.work.listing import Kind
from gateway.workflows import looks

ON_CLUSTER = "a file of the cluster is read when a run begins, and the run's page says how: start it"
LONGEST_QUERY = 4000
_OF_INPUT = ("input", "infrastructure")
_NOT_KEPT = (FIELD, "look", "show", *_OF_INPUT)


def stage_table(caller: Caller, form: Fields) -> str:
    """Stage the input of the form to its cluster; return the address of the form with the table."""
    body = validate(WorkflowInput, input_of_form(form))
    source = body.to_plan()
    if source.path is not None:
        raise Invalid(ON_CLUSTER, field="input")
    opening = body.s3.to_request().opening if body.s3 is not None else None
    with session_scope() as session:
        draft = looks.stage_input(session, caller.owner, form.text("infrastructure"), source, opening)
        return _address(source.kind, draft.row.id, kept_fields(form.chosen()))


def _address(kind: Kind, row_id: UUID, kept: Mapping[str, list[str]]) -> str:
    query = urlencode(kept, doseq=True)
    more = f"&{query}" if query and len(query) <= LONGEST_QUERY else ""
    return f"/console/start?{kind}={row_id}{more}"


def kept_fields(fields: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the fields that a look leaves as they are; keys travel in no address."""
    return {name: texts for name, texts in fields.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    group, _, option = name.rpartition(".")
    return name not in _NOT_KEPT and group not in _OF_INPUT and option not in SECRETS


def load_look(
    session: Session, caller: Caller, kind: Kind, row_id: UUID, kept: Mapping[str, list[str]]
) -> Fields:
    """Return the fields of a run on the table of a transfer, or raise NotFound."""
    row = transfers.get(session, caller, kind, row_id)
    path = looks.input_path(session, row)
    on_table = {"input": ["path"], "input.path": [path], "infrastructure": [row.infrastructure]}
    return Fields(kept_fields(kept) | on_table)


def find_look(session: Session, caller: Caller, path: str) -> Transfer | None:
    """Return the transfer that staged the path of an input for a look."""
    row_id = looks.id_of_path(path)
    row = session.get(Transfer, row_id) if row_id else None
    is_it = row is not None and caller.may_see(row.owner) and row.path.endswith(path)
    return row if is_it else None
