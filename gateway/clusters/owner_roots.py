"""Owner roots: the folders of a cluster that one owner may use."""

import dataclasses
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

from gateway.accounts.owner_names import owner_folder_name
from gateway.callers import LOCAL
from gateway.clusters.configuration import OWNER, OWNERS, Cluster, configured_clusters
from gateway.clusters.path_hints import meant_place
from gateway.clusters.paths import confine
from gateway.clusters.protected import ProtectedPaths, ProtectedPlaces, protected_paths
from gateway.errors import Invalid


@dataclass(frozen=True)
class OwnerRoots:
    """The folders that one owner may use on one cluster.

    Relative paths and `${HOME}` start at `home`; a path must lie below one of `roots` and outside of
    `protected`; the first write creates the folders `own`.
    """

    home: PurePosixPath
    roots: tuple[PurePosixPath, ...]
    own: tuple[PurePosixPath, ...] = ()
    protected: ProtectedPaths = dataclasses.field(default_factory=ProtectedPaths)

    def confine(self, text: str, field: str) -> PurePosixPath:
        """Return the absolute path, or raise Invalid when it leaves the roots or is protected."""
        path = self._inside(text, field)
        if self.protected.cover(str(path)):
            raise Invalid(
                f"{text!r} leads to files of the gateway or of its account (a control folder, an"
                " interpreter, a name with a dot in a home) or to another owner's, which no request of yours"
                " reaches: choose another path",
                field=field,
            )
        return path

    def _inside(self, text: str, field: str) -> PurePosixPath:
        try:
            return confine(text, self.home, self.roots, field)
        except Invalid as error:
            meant = meant_place(text) if text.startswith("/") and "\0" not in text else None
            if meant is None:
                raise
            detail = error.detail.removeprefix(f"{field}: ")
            raise Invalid(f"{detail}; {meant!r} was probably meant", field=field) from error


@lru_cache(maxsize=1024)
def owner_roots(cluster: Cluster, owner: str) -> OwnerRoots:
    """Return the owner's folders: the roots that hold `{owner}`, or a folder below the home.

    Without configured roots, every owner has a folder below `owners` in the home. The owner `local` is
    the exception: a gateway without accounts uses the home itself, as it did before accounts existed.
    """
    protected = ProtectedPaths.of(*protected_places(cluster, owner))
    return replace(_owner_folders(cluster, owner), protected=protected)


def protected_places(cluster: Cluster, owner: str) -> ProtectedPlaces:
    """Return the places of all clusters that the configuration protects from the owner's requests.

    The folders of other owners are among them; the owner `local` reaches those, as the rows of its gateway.
    """
    clusters = with_configured(cluster)
    others = [folder for each in clusters for folder in each.owner_folders if owner != LOCAL.owner]
    return ProtectedPlaces(
        homes=tuple(each.home for each in clusters),
        paths=(*(path for each in clusters for path in protected_paths(each)), *others),
        closed=tuple(each.control for each in clusters),
        roots=tuple(root for each in clusters for root in _owner_folders(each, owner).roots),
    )


def with_configured(cluster: Cluster) -> tuple[Cluster, ...]:
    """Return the cluster and all that are configured: they may share filesystems."""
    return tuple(dict.fromkeys((cluster, *configured_clusters().values())))


def _owner_folders(cluster: Cluster, owner: str) -> OwnerRoots:
    """Return the owner's folders without the protected paths."""
    if not cluster.roots:
        if owner == LOCAL.owner:
            return OwnerRoots(cluster.home, (cluster.home,))
        owners = cluster.home / OWNERS
        folder = owners / owner_folder_name(owner)
        return OwnerRoots(folder, (folder,), (owners, folder))
    folders = [PurePosixPath(str(root).replace(OWNER, owner_folder_name(owner))) for root in cluster.roots]
    own = [root for root, template in zip(folders, cluster.roots, strict=True) if root != template]
    created = [
        folder
        for root, base in zip(folders, cluster.base_folders, strict=True)
        for folder in _folders_between(base, root)
    ]
    return OwnerRoots(own[0] if own else cluster.home, tuple(folders), tuple(created))


def _folders_between(base: PurePosixPath, folder: PurePosixPath) -> list[PurePosixPath]:
    """Return the folders below `base` down to `folder`, the highest first."""
    return [
        each for each in (*reversed(folder.parents), folder) if each != base and each.is_relative_to(base)
    ]
