"""The processes of clusters added over REST: started, replaced and stopped while the worker runs."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from gateway.clusters.catalog import list_served
from gateway.clusters.configuration import Cluster
from gateway.db import get_engine, session_scope
from gateway.errors import GatewayError
from gateway.supervision import Supervisor

LOOK_S = 2.0
_POLL_S = 0.1
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_log = logging.getLogger(__name__)


class Part(NamedTuple):
    """A process of the worker: its name, its entry, and the words on its command line."""

    name: str
    entry: str
    words: tuple[str, ...]


@dataclass
class _Served:
    """A cluster that is served: its definition and its processes; those that end are started again."""

    cluster: Cluster
    parts: tuple[Part, ...]
    pause_s: float = _FIRST_PAUSE_S
    again_at: dict[str, float] = field(default_factory=dict)


class RemoteClusters:
    """Serves the clusters of the database beside the processes that the command line named."""

    def __init__(self, children: Supervisor, make_parts: Callable[[str], Iterable[Part]]) -> None:
        self._children, self._make_parts = children, make_parts
        self._served: dict[str, _Served] = {}
        self._next_look = 0.0

    def run(self) -> Part | tuple[str, int]:
        """Serve until a process of the command line ends; return it, or in a fork the part of the fork."""
        while True:
            if time.monotonic() >= self._next_look:
                self._look()
                self._next_look = time.monotonic() + LOOK_S
            if (ended := self._children.ended()) is not None and not self._note_end(*ended):
                return ended
            for part in self._due():
                if self._children.fork(part.name):
                    return part
            time.sleep(_POLL_S)

    def _look(self) -> None:
        """Stop the processes of clusters that are gone or have changed, and plan those of new ones."""
        found = _read_clusters()
        if found is None:
            return
        for name, served in list(self._served.items()):
            if found.get(name) != served.cluster:
                _log.info("%s: it was changed or deleted: its processes are stopped", name)
                self._stop(self._served.pop(name))
        for name, cluster in found.items():
            if name not in self._served:
                _log.info("%s: added over REST, revision %d: it is served", name, cluster.revision)
                parts = tuple(self._make_parts(name))
                self._served[name] = _Served(cluster, parts, again_at={part.name: 0.0 for part in parts})

    def _due(self) -> list[Part]:
        """Return the parts that have to be started now."""
        now = time.monotonic()
        return [
            part
            for served in self._served.values()
            for part in served.parts
            if part.name in served.again_at
            and served.again_at[part.name] <= now
            and served.again_at.pop(part.name) is not None
        ]

    def _note_end(self, name: str, status: int) -> bool:
        """Plan the next start of a process that has ended; False when it is not of these clusters."""
        for served in self._served.values():
            if any(part.name == name for part in served.parts):
                _log.warning("%s ended with status %d; it is started again", name, status)
                self._children.hand_over(name)
                served.again_at[name] = time.monotonic() + served.pause_s
                served.pause_s = min(2 * served.pause_s, _LONGEST_PAUSE_S)
                return True
        return False

    def _stop(self, served: _Served) -> None:
        names = [part.name for part in served.parts if part.name not in served.again_at]
        self._children.stop_some(names)


def _read_clusters() -> dict[str, Cluster] | None:
    """Return the clusters to serve, or None while the database is away.

    The connection is closed: the processes that are forked later must not share it.
    """
    try:
        with session_scope(read_only=True) as session:
            return {cluster.name: cluster for cluster in list_served(session)}
    except (SQLAlchemyError, GatewayError) as error:
        _log.warning("the clusters cannot be read: %s", type(error).__name__)
        return None
    finally:
        get_engine().dispose()
        get_engine.cache_clear()
