"""Account: the caller's API keys, stored credentials and webhooks, and the way out."""

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from api.console.forms import Form, validate
from api.console.pages import PageRoute, page, see_other
from api.console.sign_in import is_private, need_private
from api.console.visitors import SignedIn
from api.deps import RowId, read
from api.routers.webhooks import list_webhooks
from api.schemas.credentials import CredentialRequest, CredentialSummary
from gateway.accounts import api_keys
from gateway.callers import Caller
from gateway.credentials import stored as stored_credentials
from gateway.db import session_scope
from gateway.errors import NotFound
from gateway.operations.usage import first_of_month, usage_since
from gateway.settings import get_settings
from gateway.storage.address import Credentials

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/account")
def show_account(request: Request, caller: SignedIn) -> Response:
    """Show keys, stored credentials, webhooks and this month's usage."""
    return page(
        request,
        "account.html",
        section="account",
        auth=get_settings().auth,
        keys=read(lambda session: api_keys.list_keys_of(session, caller.owner)),
        credentials=read(lambda session: _credentials(session, caller)),
        month=read(lambda session: usage_since(session, caller.owner, first_of_month())),
        webhooks=list_webhooks(caller) if get_settings().webhooks else None,
        is_private=is_private(request),
    )


def _credentials(session: Session, caller: Caller) -> list[CredentialSummary]:
    rows = stored_credentials.list_credentials(session, caller)
    return [CredentialSummary.of(row, caller) for row in rows]


@router.post("/console/account/credentials")
def keep_credentials(request: Request, caller: SignedIn, form: Form) -> Response:
    """Store keys of an S3 store."""
    need_private(request)
    given = {name: form.text(name) for name in CredentialRequest.model_fields if form.text(name)}
    body = validate(CredentialRequest, given)
    token = body.session_token.get_secret_value() if body.session_token else ""
    keys = Credentials(body.access_key.get_secret_value(), body.secret_key.get_secret_value(), token)
    with session_scope() as session:
        stored_credentials.store_credential(session, caller.owner, body.name, body.endpoint, keys)
    return see_other(request, "/console/account")


@router.post("/console/account/credentials/{id}/delete")
def forget_credentials(request: Request, caller: SignedIn, row_id: RowId) -> Response:
    """Delete stored keys; transfers that were accepted with them go on."""
    with session_scope() as session:
        stored_credentials.delete_credential(session, caller, row_id)
    return see_other(request, "/console/account")


@router.post("/console/account/keys/{key_id}/revoke")
def revoke_own_key(request: Request, caller: SignedIn, key_id: str) -> Response:
    """Revoke an API key of the caller's own; sessions that it opened end with it."""
    with session_scope() as session:
        if key_id not in {key.id for key in api_keys.list_keys_of(session, caller.owner)}:
            raise NotFound(f"you have no API key {key_id[:40]!r}")
        api_keys.revoke_key(session, key_id)
    return see_other(request, "/console/account")
