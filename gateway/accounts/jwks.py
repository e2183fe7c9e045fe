"""The public keys of an OpenID provider: fetched, kept, and fetched again in time, never in a storm."""

import json
import logging
import ssl
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import jwt

from gateway.errors import Unauthorized, Unavailable

FRESH_S = 300.0
STALE_S = 3600.0
# However many tokens name keys that nobody knows, the provider is asked no more often than this.
PAUSE_S = 10.0
TIMEOUT_S = 3.0
LARGEST_BYTES = 1 << 20
_PUBLIC = frozenset({"RSA", "EC", "OKP"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """A public key, and the one algorithm that it is for where the provider says so."""

    material: Any
    algorithm: str | None


class KeySet:
    """The keys behind a URL, by their id."""

    def __init__(self, url: str, ca_bundle: Path | None = None) -> None:
        self._url, self._trust = url, ssl.create_default_context(cafile=ca_bundle)
        self._keys: dict[str, Key] = {}
        self._tried_at = self._fetched_at = float("-inf")
        self._lock = threading.Lock()

    def get(self, key_id: str) -> Key:
        """Return the key, or raise Unauthorized; Unavailable when the provider does not tell."""
        # A known key does not wait for another thread's fetch; an unknown one may be what it brings.
        if self._lock.acquire(blocking=key_id not in self._keys):
            try:
                self._fetch_if_due(key_id)
            finally:
                self._lock.release()
        if key_id in self._keys and time.monotonic() - self._fetched_at < STALE_S:
            return self._keys[key_id]
        if self._tried_at > self._fetched_at:
            raise Unavailable("the keys of the OpenID provider cannot be fetched; try again shortly")
        raise Unauthorized("the token is signed with a key that is not the provider's")

    def _fetch_if_due(self, key_id: str) -> None:
        now = time.monotonic()
        wanted = key_id not in self._keys or now - self._fetched_at >= FRESH_S
        if not wanted or now - self._tried_at < PAUSE_S:
            return
        self._tried_at = now
        try:
            self._keys = read(self._download())
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            _log.warning("%s gave no keys: %s", self._url, error)
        else:
            self._fetched_at = now

    def _download(self) -> Any:
        with httpx.stream("GET", self._url, timeout=TIMEOUT_S, verify=self._trust) as answer:
            answer.raise_for_status()
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > LARGEST_BYTES:
                    raise ValueError("the answer is too large")
        return json.loads(body)


def read(document: Any) -> dict[str, Key]:
    """Return the usable keys of a JWKS document, or raise ValueError when it is none."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("the answer is no key set")  # noqa: TRY004  a wrong text, no wrong type
    found: dict[str, Key] = {}
    for entry in document["keys"]:
        if isinstance(entry, dict) and (key := _key(entry)) is not None:
            found[str(entry["kid"])] = key
    return found


def _key(entry: dict[str, Any]) -> Key | None:
    """Read one entry; what is not a public key for signatures is left out."""
    if not entry.get("kid") or entry.get("kty") not in _PUBLIC or entry.get("use", "sig") != "sig":
        return None
    try:
        return Key(jwt.PyJWK(entry).key, entry.get("alg"))
    except jwt.PyJWTError as error:
        _log.warning("a key of the OpenID provider cannot be used: %s", error)
        return None


@lru_cache
def key_set(url: str, ca_bundle: Path | None) -> KeySet:
    """Return the process's keys of that provider."""
    return KeySet(url, ca_bundle)
