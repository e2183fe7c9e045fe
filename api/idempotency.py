"""`Idempotency-Key`: the header with which a client may repeat a POST that is carried out once."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.deps import Caller
from gateway.db import session_scope
from gateway.errors import Invalid
from gateway.work import idempotency
from gateway.work.idempotency import StoredAnswer, Ticket

REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
Shown = TypeVar("Shown", bound=BaseModel)


class Replay(Exception):
    """The request was carried out before: its first answer is the answer."""

    def __init__(self, answer: StoredAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Attempt:
    """One carrying out of a request; without a key there is nothing to keep."""

    def __init__(self, ticket: Ticket | None) -> None:
        self._ticket = ticket

    def keep(self, session: Session, shown: Shown, status: int = 200) -> Shown:
        """Keep the answer in the transaction that makes it true, and return it."""
        if self._ticket is not None:
            session.flush()
            idempotency.store_answer(session, self._ticket, StoredAnswer(status, shown.model_dump_json()))
        return shown


async def _body(request: Request) -> bytes:
    return await request.body()


def _attempt(
    request: Request,
    caller: Caller,
    body: Annotated[bytes, Depends(_body)],
    idempotency_key: Annotated[
        str | None,
        Header(description="Repeat the request with the same key, and it is carried out once (24 hours)."),
    ] = None,
) -> Iterator[Attempt]:
    """Take the key for the time of the request; a request that ends without an answer frees it."""
    if idempotency_key is None:
        yield Attempt(None)
        return
    said = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body
    with session_scope() as session:
        taken = idempotency.acquire(session, caller.owner, _checked(idempotency_key), said)
    if isinstance(taken, StoredAnswer):
        raise Replay(taken)
    try:
        yield Attempt(taken)
    finally:
        with suppress(SQLAlchemyError), session_scope() as session:
            idempotency.release(session, taken)


def _checked(key: str) -> str:
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Invalid(f"1 to {LONGEST_KEY} printable ASCII characters", field="Idempotency-Key")
    return key


Once = Annotated[Attempt, Depends(_attempt)]


def _replay(_request: Request, replay: Replay) -> Response:
    answer = replay.answer
    headers = {REPLAYED: "true"}
    return Response(answer.body, answer.status, headers, media_type="application/json")


def install_idempotency(app: FastAPI) -> None:
    """StoredAnswer repeated requests with their first answer."""
    app.add_exception_handler(Replay, _replay)  # type: ignore[arg-type]  # Starlette types them all as Exception
