"""Control roots: the folders that hold the scripts and records of the runs of unfinished jobs.

Each row names its own. After the operator has moved `control` in the configuration, that is another folder
than the configured one, and protected until the last of these jobs has ended.
"""

import time
from pathlib import PurePosixPath
from weakref import WeakKeyDictionary

from sqlalchemy import Pool, select
from sqlalchemy.orm import Session

from gateway.clusters.configuration import configured_clusters
from gateway.models import Job

LOOK_AGAIN_S = 10.0
_seen = WeakKeyDictionary[Pool, tuple[float, tuple[PurePosixPath, ...]]]()


def control_roots_in_use(session: Session) -> tuple[PurePosixPath, ...]:
    """Return the control roots of unfinished jobs, as they were a few seconds ago at most."""
    pool = session.get_bind().engine.pool  # sessions share it, and not their engines
    until, roots = _seen.get(pool, (0.0, ()))
    if time.monotonic() >= until:
        under_way = Job.infrastructure.in_(configured_clusters()), Job.state.in_(Job.live)
        found = session.scalars(select(Job.control_root).where(*under_way, Job.control_root != "").distinct())
        roots = tuple(map(PurePosixPath, found))
        _seen[pool] = time.monotonic() + LOOK_AGAIN_S, roots
    return roots
