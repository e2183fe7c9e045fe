"""`Idempotency-Key`: a POST that is repeated with the same key is carried out once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel, WithJsonSchema
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.deps import Caller
from api.key_leases import renewed
from api.schemas.patterns import HEADER_KEY
from gateway.db import session_scope
from gateway.errors import Invalid
from gateway.work import idempotency
from gateway.work.idempotency import KeyedRequest, StoredAnswer, Ticket

REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
Body = TypeVar("Body", bound=BaseModel)


class Replay(Exception):
    """The request was carried out before: its stored answer is sent again."""

    def __init__(self, answer: StoredAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class AnswerStore:
    """Stores the answer of a request under its `Idempotency-Key`; without a key it stores nothing."""

    def __init__(self, request: KeyedRequest | None) -> None:
        self._request = request
        self._ticket: Ticket | None = None

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold the key while the request runs; a request that ends without an answer releases it."""
        if self._request is None:
            yield
            return
        with session_scope() as session:
            acquired = idempotency.acquire(session, self._request)
        if isinstance(acquired, StoredAnswer):
            raise Replay(acquired)
        self._ticket = acquired
        try:
            with renewed(acquired):
                yield
        finally:
            with suppress(SQLAlchemyError), session_scope() as session:
                idempotency.release(session, acquired)

    def store(self, session: Session, body: Body, status: int = 200) -> Body:
        """Store the body as the answer, in the transaction that makes it true, and return it."""
        if self._ticket is not None:
            session.flush()
            idempotency.store_answer(session, self._ticket, StoredAnswer(status, body.model_dump_json()))
        return body


async def read_key(
    request: Request,
    caller: Caller,
    idempotency_key: Annotated[
        str | None,
        Header(description="Repeat the request with the same key, and it is carried out once (24 hours)."),
        WithJsonSchema({"type": "string", "pattern": HEADER_KEY}),
    ] = None,
) -> KeyedRequest | None:
    """Return the request with its key, if it has one; the thread that carries it out acquires the key."""
    if idempotency_key is None:
        return None
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise Invalid("the header came more than once: send one key", field="Idempotency-Key")
    content = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return KeyedRequest(caller.owner, _check_key(idempotency_key), content)


RequestKey = Annotated[KeyedRequest | None, Depends(read_key)]


async def _answer_store(key: RequestKey) -> AnswerStore:
    return AnswerStore(key)


def _check_key(key: str) -> str:
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Invalid(
            f"the key must be 1 to {LONGEST_KEY} printable ASCII characters", field="Idempotency-Key"
        )
    return key


Answers = Annotated[AnswerStore, Depends(_answer_store)]


def respond(answer: StoredAnswer, *, is_repetition: bool) -> Response:
    """Return the response of an answer, whether it is given for the first time or again."""
    headers = {REPLAYED: "true"} if is_repetition else None
    return Response(answer.body, answer.status, headers, media_type="application/json")


async def _replay_answer(_request: Request, replay: Replay) -> Response:
    return respond(replay.answer, is_repetition=True)


def install_idempotency(app: FastAPI) -> None:
    """Answer repeated requests with their stored answers."""
    app.exception_handler(Replay)(_replay_answer)
