"""What routes need: who calls, ids that are ids, and reads that wait a little for an absent database."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Path
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gateway import accounts
from gateway.accounts import Scope
from gateway.db import session_scope
from gateway.errors import NotFound
from gateway.settings import get_settings

Result = TypeVar("Result")
_PAUSE_S = 0.25


def _row_id(
    row_id: Annotated[str, Path(examples=["0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11"])],
) -> UUID:
    """Read an id; a malformed one is as unknown as any other."""
    try:
        return UUID(row_id)
    except ValueError:
        raise NotFound(f"there is nothing with the id {row_id!r}") from None


RowId = Annotated[UUID, Depends(_row_id)]


def _caller() -> accounts.Caller:
    """Recognise who calls; without accounts it is always the same."""
    return accounts.LOCAL


Caller = Annotated[accounts.Caller, Depends(_caller)]


def _operator(caller: Caller) -> accounts.Caller:
    caller.need(Scope.OPERATOR)
    return caller


def _admin(caller: Caller) -> accounts.Caller:
    caller.need(Scope.ADMIN)
    return caller


Operator = Annotated[accounts.Caller, Depends(_operator)]
Admin = Annotated[accounts.Caller, Depends(_admin)]


def read(query: Callable[[Session], Result]) -> Result:
    """Run a query; wait for a database that is away: old clients take an error for the end."""
    waiting = Retrying(
        retry=retry_if_exception_type(OperationalError),
        stop=stop_after_delay(get_settings().database_wait_s),
        wait=wait_fixed(_PAUSE_S),
        reraise=True,
    )
    answer: Result = waiting(_read_once, query)
    return answer


def _read_once(query: Callable[[Session], Result]) -> Result:
    try:
        with session_scope(read_only=True) as session:
            return query(session)
    except DBAPIError as error:
        if error.connection_invalidated and not isinstance(error, OperationalError):
            raise OperationalError(error.statement, error.params, error.orig or error) from error
        raise
