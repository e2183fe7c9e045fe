"""The base of the blocking and the async client: address, cluster, store, token and patience."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar, get_args

import httpx

from hpc_gateway_client.calls import Calls
from hpc_gateway_client.errors import GatewayClientError, WrongAddress
from hpc_gateway_client.steps import Listener
from hpc_gateway_client.store import Store

TIMEOUT_S = 30.0
PATIENCE_S = 120.0
MOST_LISTENERS = 20  # each has one of the client's 100 connections, and is one of its owner's streams
Http = TypeVar("Http")
Method = TypeVar("Method", bound=Callable[..., object])


class Client(ABC, Generic[Http]):
    """A client of a gateway at `url`: jobs and transfers run on the cluster `infrastructure`, with `store`.

    `token` is an API key or a JWT, for a gateway with accounts. A gateway that does not answer for
    `patience_s` is Unreachable. A request without an answer is sent again under its own Idempotency-Key, so
    that it is carried out once. Every method raises GatewayClientError when it fails.
    """

    def __init__(
        self,
        url: str,
        infrastructure: str = "",
        store: Store | None = None,
        *,
        token: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.url, self.infrastructure, self.store = _checked_url(url), infrastructure, store
        self.patience_s = patience_s
        self._listeners = list[Listener]()
        self._http = self._connect(_authorization(token))

    @property
    def calls(self) -> Calls:
        """The calls with this client's cluster and store."""
        return Calls(self.infrastructure, self.store)

    def _listened(self, listen: Callable[[], Listener]) -> Listener:
        """Return a listener, or where too many are open one that hears nothing."""
        self._listeners = [each for each in self._listeners if not each.is_closed]
        if len(self._listeners) >= MOST_LISTENERS:
            return Listener()
        listener = listen()
        self._listeners.append(listener)
        return listener

    @abstractmethod
    def _connect(self, headers: dict[str, str]) -> Http:
        """Make the HTTP client."""


def describe_method(method: Method, call: Callable[..., object]) -> Method:
    """Give a client's method the name, docstring and signature of its call, returning the steps' result."""
    signature = inspect.signature(call)
    *_, result = get_args(signature.return_annotation)
    update_wrapper(method, call)
    method.__dict__["__signature__"] = signature.replace(return_annotation=result)
    return method


def _checked_url(url: str) -> str:
    """Return the URL without its last slash; a wrong one is not waited for as an absent gateway is."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise WrongAddress(f"{url!r} is no address of a gateway: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise WrongAddress(f"{url!r} is no address of a gateway: http://HOST:PORT or https://HOST is")
    return url.rstrip("/")


def _authorization(token: str | None) -> dict[str, str]:
    """Return the header with the caller's token; httpx removes it when a redirect leads to another host."""
    if token is None:
        return {}
    if not (token.isascii() and token.isprintable() and token):
        raise GatewayClientError("the token must consist of printable ASCII characters")
    return {"Authorization": f"Bearer {token}"}
