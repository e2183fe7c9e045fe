"""Sans-IO steps of the client: generators of calls and pauses, carried out by a blocking or an async client.

A generator yields a Call and is sent the response (or the request's error), yields an Open and is sent a
Listener, or yields another step and is sent nothing; its return value is the result. An error or an
interrupt of the client is raised at the `yield`.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel

from hpc_gateway_client.answers import read_content, read_model, read_models
from hpc_gateway_client.errors import Refused, Unreachable
from hpc_gateway_client.models import TRANSFER_KINDS, Job, Transfer, Workflow

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
LONGEST_PACED_S = 30.0  # of one call, by 429; a longer Retry-After is a refusal
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
AWAY = (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT)

Body = Mapping[str, object]
Params = Mapping[str, str | int | Sequence[str]]
FilterValue = str | int | datetime | UUID | Sequence[str] | None


@dataclass(frozen=True)
class Call:
    """An HTTP request. A POST may be sent again under the same `key`: the gateway carries it out once.

    `known` is the entity tag of the status that is known; `follows` is false where a redirect is the answer.
    """

    method: str
    path: str
    body: Body | None = None
    params: Params | None = None
    known: str = ""
    follows: bool = True
    key: str = field(default_factory=lambda: uuid4().hex, compare=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this request alone."""
        keyed = {"Idempotency-Key": self.key} if self.method == "POST" else {}
        return keyed | ({"If-None-Match": self.known} if self.known else {})


@dataclass(frozen=True)
class Pause:
    """A wait before the next call; `away` is the reason when the gateway has not answered for `away_s`."""

    seconds: float
    away: Unreachable | None = None
    away_s: float = 0.0

    def check(self, patience_s: float, url: str) -> None:
        """Raise Unreachable, which names the URL, when the gateway has been away for `patience_s`."""
        if self.away is not None and self.away_s >= patience_s:
            raise Unreachable(f"{url}: {self.away}", may_be_accepted=self.away.may_be_accepted)


@dataclass(frozen=True)
class Local:
    """Work on a file of this machine, which blocks: an upload to a store or a download."""

    do: Callable[[], object]


class Listener:
    """A background reader of a workflow's events. This one hears none; those of the clients do.

    `is_heard` tells whether an event would come at once, `is_told` whether one ended the last wait.
    """

    is_closed = False
    is_told = False

    @property
    def is_heard(self) -> bool:
        """Whether the stream is open and has begun."""
        return False

    def close(self) -> None:
        """Stop listening."""
        self.is_closed = True


@dataclass(frozen=True)
class Open:
    """The beginning of listening to the events of a workflow and of its steps; the answer is a Listener."""

    workflow: Workflow


@dataclass(frozen=True)
class Listen:
    """A wait of so many seconds at most, which an event ends sooner."""

    listener: Listener
    seconds: float


Result = TypeVar("Result")
Model = TypeVar("Model", bound=BaseModel)
Row = TypeVar("Row", bound=Transfer | Job | Workflow)
Answer = httpx.Response | httpx.RequestError | Listener | None
Step = Call | Pause | Local | Open | Listen
Steps = Generator[Step, Answer, Result]
Report = Callable[[Row], None]


def pauses(first_s: float = FIRST_PAUSE_S, longest_s: float = LONGEST_PAUSE_S) -> Iterator[float]:
    """Yield the seconds between looks: short at first, then longer."""
    seconds = first_s
    while True:
        yield seconds
        seconds = min(seconds * 1.5, longest_s)


def request(call: Call) -> Steps[Any]:
    """Make a call, and return the content of its answer."""
    return read_content((yield from send(call)))


def send(call: Call) -> Steps[httpx.Response]:
    """Make a call, and make it again while the gateway is away, busy with the first one, or limits it."""
    started, arrived, paced_s = time.monotonic(), False, 0.0
    for pause in pauses():
        answer = yield call
        while (wait_s := _wait_of(answer)) and paced_s + wait_s <= LONGEST_PACED_S:
            paced_s += wait_s
            yield Pause(wait_s)
            answer = yield call
        if isinstance(answer, httpx.Response) and not _is_retryable(answer):
            return answer
        arrived = arrived or not isinstance(answer, NEVER_SENT)
        yield Pause(pause, _away(answer, call, arrived=arrived), time.monotonic() - started)
    raise AssertionError("the pauses have no end")


def request_nothing(call: Call) -> Steps[None]:
    """Make a call that is answered without content."""
    answer = yield from send(call)
    if answer.status_code != httpx.codes.NO_CONTENT:
        read_content(answer)


def _wait_of(answer: Answer) -> float:
    """Return the seconds after which a limit of requests or of unfinished work lets the call through."""
    if not isinstance(answer, httpx.Response) or answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return 0.0
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def request_one(model: type[Model], call: Call) -> Steps[Model]:
    """Make a call that is answered with one value."""
    return read_model(model, (yield from send(call)))


def request_list(model: type[Model], call: Call) -> Steps[list[Model]]:
    """Make a call that is answered with a list."""
    return read_models(model, (yield from send(call)))


def request_transfer(call: Call) -> Steps[Transfer]:
    """Make a call that is answered with a transfer; its kind is the first part of the path."""
    kind = call.path.split("/")[1]
    return read_model(Transfer, (yield from send(call)), lambda content: content | {"kind": kind})


def request_action(row: Row, action: str, body: Body) -> Steps[Row]:
    """Request the cancellation or the retry of a row."""
    return read_row(row, (yield from send(Call("POST", f"{row.url}/{action}", body))))


def refresh(row: Row) -> Steps[Row]:
    """Fetch a row again."""
    return read_row(row, (yield from send(Call("GET", row.url))))


def read_row(row: Row, answer: httpx.Response) -> Row:
    """Return the row of the same kind that an answer holds."""
    return read_model(type(row), answer, lambda content: content | {"kind": row.kind})


def find(row_id: UUID | str, kind: str = "") -> Steps[Transfer | Job]:
    """Find the transfer or job of an id, by one request where its kind is known."""
    for each in (kind,) if kind else (*TRANSFER_KINDS, "job"):
        call = Call("GET", f"/{each}/{row_id}")
        try:
            return (yield from (request_one(Job, call) if each == "job" else request_transfer(call)))
        except Refused as refusal:
            if refusal.status != httpx.codes.NOT_FOUND:
                raise
    raise Refused(httpx.codes.NOT_FOUND, f"there is no {kind or 'transfer and no job'} {row_id}")


def _is_retryable(response: httpx.Response) -> bool:
    """Return whether to send again: the gateway is away, or it still works on the first sending of a POST."""
    is_busy = response.status_code == httpx.codes.CONFLICT and "Retry-After" in response.headers
    return is_busy or response.status_code in AWAY


def _away(answer: Answer, call: Call, *, arrived: bool) -> Unreachable:
    """Return the error for a gateway that stays away; a POST that arrived somewhere may be accepted."""
    if isinstance(answer, httpx.Response):
        found = f"the gateway answers {answer.status_code}: {answer.text[:200]}"
    else:
        found = f"the gateway does not answer: {answer or type(answer).__name__}"
    may_be_accepted = arrived and call.method == "POST"
    hint = "; it may have accepted the request" if may_be_accepted else ""
    return Unreachable(found + hint, may_be_accepted=may_be_accepted)


def present(filters: Mapping[str, FilterValue]) -> Params:
    """Leave out the filters without a value, and write times and ids as text."""
    return {name: _plain(value) for name, value in filters.items() if value is not None}


def _plain(value: str | int | datetime | UUID | Sequence[str]) -> str | int | Sequence[str]:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
