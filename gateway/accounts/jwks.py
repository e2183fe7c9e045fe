"""The public keys of an OpenID provider (JWKS), cached and fetched again at a bounded rate."""

import json
import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import jwt

from gateway.accounts.provider_answers import DEADLINE_S, TIMEOUT_S, join_bounded, trust, wait_for_answer
from gateway.errors import Unauthorized, Unavailable

FRESH_S = 300.0
STALE_S = 3600.0
# The provider is asked no more often than this, however many tokens name unknown keys.
PAUSE_S = 10.0
MOST_KEYS = 100
WAIT_S = 1.0  # for another thread's fetch
MOST_WAITING = 8
_PUBLIC = frozenset({"RSA", "EC", "OKP"})
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """A public key, and its algorithm when the provider names one."""

    material: Any
    algorithm: str | None


class KeySet:
    """The keys of one JWKS URL, by their id."""

    def __init__(self, url: str, ca_bundle: Path | None = None) -> None:
        self._url, self._trust = url, trust(ca_bundle)
        self._keys: dict[str, Key] = {}
        self._tried_at = self._fetched_at = float("-inf")
        self._lock, self._downloading = threading.Lock(), threading.BoundedSemaphore(1)
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def has(self, key_id: str) -> bool:
        """Tell whether `get` would return the key without asking the provider within the next second."""
        return key_id in self._keys and time.monotonic() - self._fetched_at < FRESH_S - 1

    def get(self, key_id: str) -> Key:
        """Return the key, or raise Unauthorized; Unavailable when the provider does not answer."""
        if self._may_fetch(key_id):
            try:
                self._fetch_if_due(key_id)
            finally:
                self._lock.release()
        if key_id in self._keys and time.monotonic() - self._fetched_at < STALE_S:
            return self._keys[key_id]
        if self._tried_at > self._fetched_at:
            raise Unavailable("the keys of the OpenID provider cannot be fetched; try again shortly")
        raise Unauthorized("the token is signed with a key that is not the provider's")

    def _may_fetch(self, key_id: str) -> bool:
        """Take the lock; wait for another thread's fetch where it may bring the key, but not for long."""
        if self._lock.acquire(blocking=False):
            return True
        if key_id in self._keys or not self._places.acquire(blocking=False):
            return False
        try:
            return self._lock.acquire(timeout=WAIT_S)
        finally:
            self._places.release()

    def _fetch_if_due(self, key_id: str) -> None:
        now = time.monotonic()
        is_due = key_id not in self._keys or now - self._fetched_at >= FRESH_S
        if not is_due or now - self._tried_at < PAUSE_S:
            return
        self._tried_at = now
        try:
            self._keys = parse_key_set(self._download_in_time())
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            _log.warning("%s returned no keys: %s", self._url, error)
        else:
            self._fetched_at = now

    def _download_in_time(self) -> object:
        """Download, but for so long; the next download waits for the end of this one."""
        busy = "an earlier response has not ended yet"
        return wait_for_answer(self._download, DEADLINE_S, self._downloading, busy)

    def _download(self) -> object:
        """Return the document; a compressed one, which could be of any length, is not read."""
        plain = {"Accept-Encoding": "identity"}
        with httpx.stream("GET", self._url, headers=plain, timeout=TIMEOUT_S, verify=self._trust) as response:
            response.raise_for_status()
            document: object = json.loads(join_bounded(response.iter_raw()))
        return document


def parse_key_set(document: object) -> dict[str, Key]:
    """Return the usable keys of a JWKS document, or raise ValueError for another document."""
    found: dict[str, Key] = {}
    match document:
        case {"keys": [*entries]} if len(entries) <= MOST_KEYS:
            for entry in entries:
                if isinstance(entry, dict) and (key := _parse_key(entry)) is not None:
                    found[entry["kid"]] = key
        case _:
            raise ValueError(f"the response is not a set of {MOST_KEYS} keys or fewer")
    return found


def _parse_key(entry: dict[str, Any]) -> Key | None:
    """Parse one entry; return None unless it is a public key for signatures."""
    key_id, kind, algorithm = (entry.get(name) for name in ("kid", "kty", "alg"))
    is_named = isinstance(key_id, str) and key_id and isinstance(kind, str) and kind in _PUBLIC
    if not is_named or entry.get("use", "sig") != "sig" or not isinstance(algorithm, str | None):
        return None
    if _PRIVATE & entry.keys():
        _log.warning("a key of the OpenID provider is not public, and is not used: %.100s", key_id)
        return None
    try:
        return Key(jwt.PyJWK(entry).key, algorithm)
    except Exception as error:  # noqa: BLE001  any field may be of any type; the other keys are good
        _log.warning("a key of the OpenID provider cannot be used: %s", type(error).__name__)
        return None


@lru_cache
def key_set(url: str, ca_bundle: Path | None) -> KeySet:
    """Return the key set of a provider, one per process."""
    return KeySet(url, ca_bundle)
