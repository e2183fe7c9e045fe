"""The calls of the REST API that the blocking and the async client have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.models import Job, Page, Transfer, TransferKind
from hpc_gateway_client.steps import Call, Steps, ask
from hpc_gateway_client.store import Store

TIMEOUT_S = 30.0
PATIENCE_S = 120.0


class Requests:
    """Where the gateway is, on which cluster its work is done, and which store it stages from.

    `patience_s` is how long a call waits for a gateway that is away, before it is Unreachable. A request
    that got no answer is sent again under its own Idempotency-Key, so that it is carried out once.
    """

    def __init__(
        self,
        url: str,
        infrastructure: str = "",
        store: Store | None = None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.url, self.infrastructure, self.store = url.rstrip("/"), infrastructure, store
        self.patience_s = patience_s

    def _transfer(self, key: str, **path: str) -> dict[str, str]:
        if self.store is None:
            raise GatewayClientError("a transfer needs a store: Gateway(url, infrastructure, store)")
        return self.store.fields | {"object": key, "infrastructure": self.infrastructure} | path

    def _job(
        self, services: Sequence[str], read_input_data: str, params: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        return {
            "services": list(services),
            "infrastructure": self.infrastructure,
            "params": {"read_input_data": read_input_data, **(params or {})},
        }


def identity(token: str | None) -> dict[str, str]:
    """Return the header that says who asks; httpx takes it off when it is led to another host."""
    if token is None:
        return {}
    if not (token.isascii() and token.isprintable() and token):
        raise GatewayClientError("the token is none: it has to be one word of ASCII")
    return {"Authorization": f"Bearer {token}"}


def action(by: str, reason: str, store: Store | None = None) -> dict[str, str]:
    """Return the body of a cancel or a retry."""
    keys = {"access_key": store.access_key, "secret_key": store.secret_key} if store else {}
    return {"by": by, "reason": reason} | keys


def transfers(kind: TransferKind, filters: Mapping[str, Any]) -> Steps[Page[Transfer]]:
    """List transfers of a kind."""
    page = yield from ask(Call("GET", f"/{kind}", params=_given(filters)))
    items = [item | {"kind": kind} for item in page["items"]]
    return Page[Transfer].model_validate(page | {"items": items})


def jobs(filters: Mapping[str, Any]) -> Steps[Page[Job]]:
    """List jobs."""
    return Page[Job].model_validate((yield from ask(Call("GET", "/job", params=_given(filters)))))


def bulk(filters: Mapping[str, Any], by: str, reason: str, *, dry_run: bool) -> Call:
    """Retry everything that a filter finds."""
    body = {"filter": _given(filters), "by": by, "reason": reason, "dry_run": dry_run}
    return Call("POST", "/retry", body)


def _given(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was not asked for; times go as text."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in filters.items()
        if value is not None
    }
