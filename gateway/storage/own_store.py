"""The gateway's own store: its address and account, and the refusal of clients' requests for its bucket."""

import re
from dataclasses import dataclass
from posixpath import normpath
from urllib.parse import SplitResult, unquote, urlsplit

from gateway.allow_list import Address
from gateway.egress.policy import literal_address, port_of
from gateway.errors import Fault, Invalid, NotConfigured, StorageError
from gateway.settings import Settings
from gateway.storage.address import Credentials

_MOST_ENCODINGS = 5  # of one character, each of the one before
_LOOPBACK = "loopback"
NEEDED = (
    "this gateway has no store of its own: its operator sets GATEWAY_STORE_ENDPOINT, and with it"
    " GATEWAY_STORE_BUCKET and the keys; or name a store of yours in POST /s3_data and POST /s3_result"
)


@dataclass(frozen=True)
class OwnStore:
    """The bucket of the gateway: as workers reach it, as people reach it, and its account."""

    endpoint: str
    public_endpoint: str
    bucket: str
    region: str
    keys: Credentials


def own_store(settings: Settings) -> OwnStore:
    """Return the gateway's store, or raise NotConfigured."""
    access, secret = settings.store_access_key, settings.store_secret_key
    if not settings.store_endpoint or access is None or secret is None:
        raise NotConfigured(NEEDED)
    return OwnStore(
        settings.store_endpoint,
        settings.store_public_endpoint or settings.store_endpoint,
        settings.store_bucket,
        settings.store_region,
        Credentials(access.get_secret_value(), secret.get_secret_value(), is_own=True),
    )


def reaching_own_store(settings: Settings) -> Settings:
    """Return settings with which the gateway's own transfers reach its store, wherever it is."""
    parts = urlsplit(settings.store_endpoint)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    allowed = [*settings.allowed_endpoints, f"{host}:{port_of(parts)}"]
    return settings.model_copy(update={"allowed_endpoints": allowed})


def own_keys(settings: Settings) -> Credentials:
    """Return the account of the gateway's store; StorageError where a worker does not have it."""
    try:
        return own_store(settings).keys
    except NotConfigured:
        raise StorageError(
            "this worker has no access to the gateway's own store: its operator gives it the GATEWAY_STORE_"
            " settings of the API, then retry",
            Fault.CREDENTIALS,
        ) from None


def check_foreign(url: str, settings: Settings, field: str, bucket: str = "") -> None:
    """Raise Invalid when the URL, with the bucket behind it, leads to the gateway's own bucket.

    The text alone is judged: any spelling of the store's hosts and of the bucket, in path or host. No other
    account can read the bucket, whatever name a resolver gives the store.
    """
    if not settings.store_bucket:
        return
    parts, own = urlsplit(url), settings.store_bucket.lower()
    for store in filter(None, (settings.store_endpoint, settings.store_public_endpoint)):
        if own in _named_buckets(parts, urlsplit(store), bucket):
            raise Invalid(
                f"the bucket {settings.store_bucket!r} of this store is the gateway's own, which POST /files"
                " and GET /job/{id}/outputs/{service} alone use: name another bucket",
                field=field,
            )


def _named_buckets(url: SplitResult, store: SplitResult, bucket: str) -> set[str]:
    """Return the names that the store could take for a bucket's: in the path, the field and the host."""
    host, own_host = _fold_host(url.hostname), _fold_host(store.hostname)
    if port_of(url) != port_of(store) or not (host == own_host or host.endswith(f".{own_host}")):
        return set()
    below = host.removesuffix(own_host).rstrip(".")
    path = _decode(f"{url.path}/{bucket}".removeprefix(store.path.rstrip("/"))).lower()
    return {below, *(_first_name(each) for each in (path, normpath(f"/{path}")))}


def _first_name(path: str) -> str:
    return next(filter(None, path.split("/")), "")


def _decode(text: str) -> str:
    """Return the text without percent-encodings, which proxies and stores may decode more than once."""
    for _ in range(_MOST_ENCODINGS):
        text = unquote(text)
    return text.replace("\\", "/")


def _fold_host(host: str | None) -> str:
    """Return one spelling of a host: the address itself, and one name for all names of this machine."""
    name = _decode(host or "").rstrip(".").lower()
    address = literal_address(name)
    if address is not None:
        return _fold_address(address)
    return re.sub(r"(^|\.)localhost$", rf"\1{_LOOPBACK}", name)


def _fold_address(address: Address) -> str:
    mapped = getattr(address, "ipv4_mapped", None) or address
    return _LOOPBACK if mapped.is_loopback or mapped.is_unspecified else str(mapped)
