"""boto3 clients that are lent to one transfer at a time and kept warm for the next: making one is slow."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from boto3.session import Session
from botocore.config import Config

from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.connections import PolicedSession

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEPT = 4
KEPT_S = 60.0
_lock = threading.Lock()
_session = Session()


@dataclass(frozen=True)
class Lent:
    """A client and the connections under it, which belong to one transfer until they are given back."""

    key: tuple[object, ...]
    client: "S3Client"
    session: PolicedSession

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
        self.client.close()


kept: list[tuple[float, Lent]] = []
os.register_at_fork(after_in_child=kept.clear)  # two processes must not speak on one connection


def lend(address: S3Address, credentials: Credentials, settings: Settings) -> Lent:
    """Return a client for the store, one that was used before where there is one."""
    key = (address.endpoint, address.region, credentials, *_limits(settings))
    with _lock:
        for index, (_, lent) in enumerate(kept):
            if lent.key == key:
                del kept[index]
                return lent
        return _make(key, address, credentials, settings)  # under the lock: boto3 makes one at a time


def give_back(lent: Lent) -> None:
    """Keep the client for a while for whoever needs the like, and let go of those kept for too long."""
    now = time.monotonic()
    with _lock:
        kept.append((now, lent))
        old = [each for since, each in kept[:-KEPT]] + [e for s, e in kept[-KEPT:] if now - s > KEPT_S]
        kept[:] = [(since, each) for since, each in kept if each not in old]
    for each in old:
        each.close()


def _limits(settings: Settings) -> tuple[object, ...]:
    timeouts = (settings.connect_timeout_s, settings.read_timeout_s)
    hosts = (tuple(settings.allowed_endpoints), tuple(settings.virtual_hosted))
    return (*hosts, settings.ca_bundle, settings.connections, *timeouts)


def _style(endpoint: str, virtual_hosted: Sequence[str]) -> Literal["virtual", "path"]:
    """Return where the store wants the bucket's name: in the host's, or in the path."""
    host = "." + (urlsplit(endpoint).hostname or "").rstrip(".").lower()
    return "virtual" if any(host.endswith(f".{name.lower()}") for name in virtual_hosted) else "path"


def _make(key: tuple[object, ...], address: S3Address, credentials: Credentials, settings: Settings) -> Lent:
    """Make a client whose requests all go through a policed session. Retries are ours: it makes none."""
    style = _style(address.endpoint, settings.virtual_hosted)
    client = _session.client(
        "s3",
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(
            signature_version="s3v4",
            # What is sent of a file has its SHA-256 in a signed header: no need to compute it twice.
            s3={"addressing_style": style, "payload_signing_enabled": False},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": 1, "mode": "standard"},
        ),
    )
    session = PolicedSession(settings, read_timeout_s=settings.read_timeout_s)
    events: Any = client.meta.events  # a handler that returns a response has answered the request
    events.register("before-call.s3.GetObject", _ask_for_checksums)
    events.register("before-send.s3", lambda request, **_: session.send(request))
    return Lent(key, client, session)


def _ask_for_checksums(params: dict[str, Any], **_: object) -> None:
    """Ask without botocore's knowledge: it would compute them too."""
    params["headers"]["x-amz-checksum-mode"] = "ENABLED"
