"""The objects that a run puts into the bucket: removed at its end, unless accepted work still needs them."""

import getpass
from collections.abc import Iterable
from uuid import uuid4

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.store import Store

FOLDER = "hpc-gateway/"


class TemporaryObjects:
    """Keys of one run alone; a held key belongs to work that the gateway has, or may have, accepted."""

    def __init__(self, store: Store | None, *, keep: bool) -> None:
        self._store, self._keep = store, keep
        self._prefix = f"{FOLDER}{getpass.getuser()}-{uuid4().hex[:12]}"
        self._keys: list[str] = []
        self._held: set[str] = set()

    def new_key(self, file: str) -> str:
        """Return a key for a file."""
        return self.adopt(f"{self._prefix}/{file}")

    def adopt(self, key: str) -> str:
        """Take over the key of an earlier run; a key outside of the runs' folder is not removed."""
        if key.startswith(FOLDER):
            self._keys.append(key)
        return key

    def hold(self, key: str) -> None:
        """Keep an object: work needs it from now on."""
        self._held.add(key)

    def release(self, key: str) -> None:
        """Let an object go: the work that needed it has ended, or was refused."""
        self._held.discard(key)

    def release_all(self) -> None:
        """Let all objects go: the work has ended."""
        self._held.clear()

    @property
    def held(self) -> list[str]:
        """The keys that work still needs."""
        return sorted(self._held) if self._store is not None else []

    def remove(self) -> list[str]:
        """Remove the objects that no work needs; return the keys that could not be removed."""
        left = [] if self._keep else [key for key in self._keys if key not in self._held]
        failed: list[str] = []
        try:
            while left:
                if not self._remove(left[-1]):
                    failed.append(left[-1])
                left.pop()
        except KeyboardInterrupt:
            failed += left
        return failed

    def _remove(self, key: str) -> bool:
        if self._store is None:
            return True
        try:
            self._store.delete(key)
        except GatewayClientError:
            return False
        return True


def remove_keys(store: Store, keys: Iterable[str]) -> list[str]:
    """Remove objects; return the keys that could not be removed."""
    failed = []
    for key in keys:
        try:
            store.delete(key)
        except GatewayClientError:
            failed.append(key)
    return failed
