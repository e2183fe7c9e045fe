"""Access to attempt folders: the gateway alone writes into them, and owners read their own output folders.

Both rules are for the requests of clients, and are judged twice: on the text of a path by the API, and on the
path without links by the worker.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.callers import LOCAL
from gateway.clusters.owner_roots import OwnerRoots
from gateway.errors import Invalid, NotFound
from gateway.jobs.control_roots import control_roots_in_use
from gateway.jobs.folders import JOBS, OUTPUT, JobFolders
from gateway.models import Job

# Letters of both cases, and dots or spaces at the end: a filesystem may ignore them.
_JOBS = re.compile(rf"/{OUTPUT}[. ]*/{JOBS.name}[. ]*(?:/|$)", re.IGNORECASE)
# The folder of an attempt, also where a link leads to a folder of another name than `Output_Data/jobs`.
_ATTEMPT = re.compile(r"/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[0-9]+[. ]*(?=/|$)", re.IGNORECASE)
_IDS_PER_QUERY = 500
_WRITTEN = "lies in the folders of the jobs, where the gateway alone writes: choose another path"
_CONTROL = "lies in a control folder of jobs that are under way: choose another path"
_FOREIGN = "lies in the folder of a job that is not yours: choose another path"

FindOwners = Callable[[Collection[UUID]], Mapping[UUID, str]]


@dataclass(frozen=True)
class AttemptAccess:
    """The rule for the places that the requests of one owner reach.

    `own_roots` are the roots that no other owner has: the folder of a job that the database does not know
    may be read there, and nowhere else. `controls` are the control roots of unfinished jobs.
    """

    owner: str
    own_roots: tuple[str, ...]
    find_owners: FindOwners
    controls: tuple[str, ...] = ()

    def __call__(self, places: Sequence[str], *, write: bool) -> dict[str, str]:
        """Return the refused places, each with the reason."""
        closed = {place: _CONTROL for place in places if _is_below(place, self.controls)}
        return self._refuse_attempts(places, write=write) | closed

    def _refuse_attempts(self, places: Sequence[str], *, write: bool) -> dict[str, str]:
        ids = {place: found for place in places if (found := job_ids(place))}
        owners = self.find_owners(set().union(*ids.values())) if ids else {}
        if write:
            return {
                place: _WRITTEN
                for place in places
                if _JOBS.search(place) or any(each in owners for each in ids.get(place, ()))
            }
        return {place: _FOREIGN for place, found in ids.items() if self._is_foreign(place, found, owners)}

    def _is_foreign(self, place: str, ids: Collection[UUID], owners: Mapping[UUID, str]) -> bool:
        is_mine = not _JOBS.search(place) or _is_below(place, self.own_roots)
        unknown = self.owner if is_mine else None
        return any(owners.get(each, unknown) != self.owner for each in ids)


def _is_below(place: str, roots: Sequence[str]) -> bool:
    return any(f"{place}/".startswith(f"{root.rstrip('/')}/") for root in roots)


def own_roots(owner: str, roots: OwnerRoots) -> tuple[PurePosixPath, ...]:
    """Return the roots that no other owner has: all for the owner `local` of a gateway without accounts."""
    if owner == LOCAL.owner:
        return (PurePosixPath("/"),)
    return tuple(root for root in roots.roots if root in roots.own)


def job_ids(place: str) -> frozenset[UUID]:
    """Return the ids of the jobs in whose attempt folders the place lies."""
    return frozenset(UUID(found) for found in _ATTEMPT.findall(place))


def owners_of_jobs(session: Session, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the owners of the jobs that the database knows."""
    owners: dict[UUID, str] = {}
    listed = list(ids)
    for start in range(0, len(listed), _IDS_PER_QUERY):
        found = select(Job.id, Job.owner).where(Job.id.in_(listed[start : start + _IDS_PER_QUERY]))
        owners.update((row_id, owner) for row_id, owner in session.execute(found))
    return owners


@dataclass(frozen=True)
class PathCheck:
    """The check of the paths of one owner's request by their text."""

    session: Session
    owner: str
    roots: OwnerRoots

    def check_written(self, paths: Mapping[PurePosixPath, str], field: str) -> None:
        """Raise Invalid when a request would write into an attempt folder; `paths` has their texts."""
        for path, reason in self._refused(paths, write=True):
            raise Invalid(f"{paths[path]!r} {reason}", field=field)

    def check_read(self, paths: Collection[PurePosixPath]) -> None:
        """Raise NotFound when a request would read an attempt folder that is not the owner's."""
        for path, reason in self._refused(paths, write=False):
            if reason == _CONTROL:
                raise Invalid(f"'{path}' {reason}")
            raise NotFound(f"there is no job {', '.join(map(str, job_ids(str(path))))}")

    def check_job(self, folders: JobFolders, params: Mapping[str, object]) -> None:
        """Raise Invalid or NotFound for the folders that a job writes, or those that it reads."""
        written = {"workspace": folders.data, "profiling_workspace": folders.profile}
        for key, path in written.items():
            self.check_written({path: str(params[key])}, f"params.{key}")
        self.check_read((folders.input, folders.inference, folders.labels))

    def _refused(self, paths: Collection[PurePosixPath], *, write: bool) -> list[tuple[PurePosixPath, str]]:
        own = tuple(map(str, own_roots(self.owner, self.roots)))
        controls = tuple(map(str, control_roots_in_use(self.session)))
        access = AttemptAccess(self.owner, own, partial(owners_of_jobs, self.session), controls)
        refused = access(list(map(str, paths)), write=write)
        return [(path, refused[str(path)]) for path in paths if str(path) in refused]
