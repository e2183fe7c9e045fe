"""Authentication of the caller, and other dependencies of routes: scopes, row ids, reads that wait."""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPBearer
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gateway import callers
from gateway.accounts import api_keys, oidc
from gateway.accounts.bearer import bearer_token
from gateway.callers import Scope
from gateway.db import session_scope
from gateway.errors import NotFound
from gateway.settings import get_settings

Result = TypeVar("Result")
_PAUSE_S = 0.25


def _row_id(
    row_id: Annotated[str, Path(alias="id", examples=["0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11"])],
) -> UUID:
    """Parse an id; a malformed one is NotFound, as an unknown one is."""
    try:
        return UUID(row_id)
    except ValueError:
        raise NotFound(f"the id {row_id!r} is unknown") from None


RowId = Annotated[UUID, Depends(_row_id)]


# Documents the calls that need a token; `_caller` checks the header itself.
_BearerScheme = Annotated[object, Security(HTTPBearer(scheme_name="bearer", auto_error=False))]


def _caller(request: Request, _scheme: _BearerScheme) -> callers.Caller:
    return authenticate(request)


def authenticate(request: Request) -> callers.Caller:
    """Authenticate the caller; without accounts it is always LOCAL."""
    auth = get_settings().auth
    if auth == "none":
        return callers.LOCAL
    token = bearer_token(request.headers.getlist("authorization"))
    return oidc.authenticate_token(token) if auth == "oidc" else _authenticate_key(token)


def _authenticate_key(text: str) -> callers.Caller:
    key = read(lambda session: api_keys.authenticate_key(session, text))
    if api_keys.is_use_outdated(key):
        with suppress(SQLAlchemyError), session_scope() as session:  # the record of use may fail
            api_keys.record_use(session, key.id)
    return api_keys.caller_of_key(key)


Caller = Annotated[callers.Caller, Depends(_caller)]


def _operator(caller: Caller) -> callers.Caller:
    caller.need(Scope.OPERATOR)
    return caller


def _admin(caller: Caller) -> callers.Caller:
    caller.need(Scope.ADMIN)
    return caller


Operator = Annotated[callers.Caller, Depends(_operator)]
Admin = Annotated[callers.Caller, Depends(_admin)]


def read(query: Callable[[Session], Result]) -> Result:
    """Run a query; wait for a database that is away, as old clients give up at any error."""
    retrying = Retrying(
        retry=retry_if_exception_type(OperationalError),
        stop=stop_after_delay(get_settings().database_wait_s),
        wait=wait_fixed(_PAUSE_S),
        reraise=True,
    )
    answer: Result = retrying(_read_once, query)
    return answer


def _read_once(query: Callable[[Session], Result]) -> Result:
    try:
        with session_scope(read_only=True) as session:
            return query(session)
    except DBAPIError as error:
        if error.connection_invalidated and not isinstance(error, OperationalError):
            raise OperationalError(error.statement, error.params, error.orig or error) from error
        raise
