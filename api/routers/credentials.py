"""`/credentials`: stored keys of an S3 store, which requests name by id."""

from http import HTTPStatus

from fastapi import APIRouter

from api.deps import Caller, RowId, read
from api.idempotency import Answers
from api.one_hop import OneHopRoute
from api.problems import responses
from api.schemas.credentials import CredentialRequest, CredentialSummary
from gateway.credentials import stored as stored_credentials
from gateway.db import session_scope
from gateway.storage.address import Credentials

router = APIRouter(prefix="/credentials", tags=["credentials"], route_class=OneHopRoute)


@router.post("", status_code=201, responses=responses(400, 409, 422, 503))
def store_credentials(caller: Caller, answers: Answers, body: CredentialRequest) -> CredentialSummary:
    """Store keys of an S3 store; no answer ever shows them."""
    token = body.session_token.get_secret_value() if body.session_token else ""
    keys = Credentials(body.access_key.get_secret_value(), body.secret_key.get_secret_value(), token)
    with answers.acquired(), session_scope() as session:
        row = stored_credentials.store_credential(session, caller.owner, body.name, body.endpoint, keys)
        return answers.store(session, CredentialSummary.of(row, caller), HTTPStatus.CREATED)


@router.get("", responses=responses(503))
def list_credentials(caller: Caller) -> list[CredentialSummary]:
    """List stored credentials by name and endpoint, oldest first."""
    rows = read(lambda session: stored_credentials.list_credentials(session, caller))
    return [CredentialSummary.of(row, caller) for row in rows]


@router.get("/{id}", responses=responses(404, 503))
def get_credentials(caller: Caller, row_id: RowId) -> CredentialSummary:
    """Show the name and endpoint of a stored credential."""
    row = read(lambda session: stored_credentials.get_credential(session, caller, row_id))
    return CredentialSummary.of(row, caller)


@router.delete("/{id}", status_code=204, responses=responses(404, 503))
def delete_credentials(caller: Caller, row_id: RowId) -> None:
    """Delete a stored credential; transfers that were accepted with it go on."""
    with session_scope() as session:
        stored_credentials.delete_credential(session, caller, row_id)
