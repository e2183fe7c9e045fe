"""Owner roots: the folders of a cluster that one owner may use."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.accounts.owner_names import owner_folder_name
from gateway.callers import LOCAL
from gateway.clusters.configuration import OWNER, OWNERS, Cluster
from gateway.clusters.paths import confine


@dataclass(frozen=True)
class OwnerRoots:
    """The folders that one owner may use on one cluster.

    Relative paths and `${HOME}` start at `home`; a path must lie below one of `roots`; the first write
    creates the folders `own`.
    """

    home: PurePosixPath
    roots: tuple[PurePosixPath, ...]
    own: tuple[PurePosixPath, ...] = ()

    def confine(self, text: str, field: str) -> PurePosixPath:
        """Return the absolute path, or raise Invalid when it leaves the roots."""
        return confine(text, self.home, self.roots, field)


def owner_roots(cluster: Cluster, owner: str) -> OwnerRoots:
    """Return the owner's folders: the roots that hold `{owner}`, or a folder below the home.

    Without configured roots, every owner has a folder below `owners` in the home. The owner `local` is
    the exception: a gateway without accounts uses the home itself, as it did before accounts existed.
    """
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
