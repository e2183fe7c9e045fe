"""Dependencies of routes: the caller, scopes, row ids, reads that wait.

None of them blocks, so that a request enters the thread pool at most once: for its endpoint.
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPBearer
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from api.batches import Batches
from gateway import callers
from gateway.accounts import api_keys, oidc
from gateway.accounts.bearer import bearer_token
from gateway.callers import Scope
from gateway.db import reading, session_scope
from gateway.errors import NotFound, Unauthorized
from gateway.models import ApiKey
from gateway.settings import get_settings

Result = TypeVar("Result")
_PAUSE_S = 0.25


def parse_id(text: str) -> UUID:
    """Parse an id; a malformed one is NotFound, as an unknown one is."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"the id {text!r} is unknown") from None


async def _row_id(
    row_id: Annotated[str, Path(alias="id", examples=["0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11"])],
) -> UUID:
    return parse_id(row_id)


RowId = Annotated[UUID, Depends(_row_id)]


# Documents the calls that need a token; `_caller` checks the header itself.
_BearerScheme = Annotated[object, Security(HTTPBearer(scheme_name="bearer", auto_error=False))]


async def _caller(request: Request, _scheme: _BearerScheme) -> callers.Caller:
    return await authenticate(request)


async def authenticate(request: Request) -> callers.Caller:
    """Authenticate the caller; without accounts it is always LOCAL."""
    auth = get_settings().auth
    if auth == "none":
        return callers.LOCAL
    token = bearer_token(request.headers.getlist("authorization"))
    if auth == "oidc":
        return await authenticate_oidc_token(token)
    return api_keys.caller_of_key(await find_key(token))


async def authenticate_oidc_token(token: str) -> callers.Caller:
    """Verify an OpenID token, in a thread only when the provider has to be asked for its key."""
    if oidc.has_key(token):
        return oidc.authenticate_token(token)
    return await run_in_threadpool(oidc.authenticate_token, token)


async def find_key(text: str) -> ApiKey:
    """Return the valid API key of a text, or raise Unauthorized; its use is recorded."""
    key = await _key_look_ups.result_of(text)
    if api_keys.is_use_outdated(key):
        await run_in_threadpool(_record_use, key.id)
    return key


def _record_use(key_id: str) -> None:
    with suppress(SQLAlchemyError), session_scope() as session:  # the record of use may fail
        api_keys.record_use(session, key_id)


def _look_up_keys(texts: Sequence[str]) -> list[ApiKey | Unauthorized]:
    return read(lambda session: api_keys.authenticate_keys(session, texts))


# A status is never refused because many wait: old clients take any other answer for the end.
_key_look_ups = Batches[str, ApiKey]("key look-ups", _look_up_keys, most_waiting=sys.maxsize)

Caller = Annotated[callers.Caller, Depends(_caller)]


async def _operator(caller: Caller) -> callers.Caller:
    caller.need(Scope.OPERATOR)
    return caller


async def _admin(caller: Caller) -> callers.Caller:
    caller.need(Scope.ADMIN)
    return caller


Operator = Annotated[callers.Caller, Depends(_operator)]
Admin = Annotated[callers.Caller, Depends(_admin)]


def read(query: Callable[[Session], Result]) -> Result:
    """Run a query; wait for a database that is away, as old clients give up at any error."""
    return _when_it_is_there(lambda: _read_session(query))


def read_rows(query: Callable[[Connection], Result]) -> Result:
    """Run a query without the ORM; wait for a database that is away."""
    return _when_it_is_there(lambda: _read_connection(query))


def _when_it_is_there(call: Callable[[], Result]) -> Result:
    try:
        return _call_once(call)
    except OperationalError:
        time.sleep(_PAUSE_S)
    retrying = Retrying(
        retry=retry_if_exception_type(OperationalError),
        stop=stop_after_delay(get_settings().database_wait_s),
        wait=wait_fixed(_PAUSE_S),
        reraise=True,
    )
    answer: Result = retrying(_call_once, call)
    return answer


def _call_once(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except DBAPIError as error:
        if error.connection_invalidated and not isinstance(error, OperationalError):
            raise OperationalError(error.statement, error.params, error.orig or error) from error
        raise


def _read_session(query: Callable[[Session], Result]) -> Result:
    with session_scope(read_only=True) as session:
        return query(session)


def _read_connection(query: Callable[[Connection], Result]) -> Result:
    with reading() as connection:
        return query(connection)
