"""Where an owner's files are on a cluster: what separates them from those of the others."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from gateway.accounts.owner_names import folder_name
from gateway.callers import LOCAL
from gateway.clusters.configuration import OWNER, Cluster
from gateway.clusters.paths import confine

OWNERS = "owners"


@dataclass(frozen=True)
class OwnerRoots:
    """What one owner may reach on one cluster.

    `home` is where relative paths begin, and what `${HOME}` means in them; `roots` are the folders below
    which a path must lie; `own` are those to create when something is first written.
    """

    home: PurePosixPath
    roots: tuple[PurePosixPath, ...]
    own: tuple[PurePosixPath, ...] = ()

    def confine(self, text: str, field: str) -> PurePosixPath:
        """Return the path that the owner means, or raise Invalid when it leaves the roots."""
        return confine(text, self.home, self.roots, field)


def owner_roots(cluster: Cluster, owner: str) -> OwnerRoots:
    """Return the owner's places: by the roots that hold `{owner}`, or below the home.

    Where no roots are configured, everybody has a folder below the home's `owners`, except `local`: who
    works without accounts has the home itself, as before there were accounts.
    """
    if not cluster.roots:
        if owner == LOCAL.owner:
            return OwnerRoots(cluster.home, (cluster.home,))
        owners = cluster.home / OWNERS
        return OwnerRoots(
            owners / folder_name(owner), (owners / folder_name(owner),), (owners, owners / folder_name(owner))
        )
    folders = [PurePosixPath(str(root).replace(OWNER, folder_name(owner))) for root in cluster.roots]
    own = [root for root, template in zip(folders, cluster.roots, strict=True) if root != template]
    made = [
        folder
        for root, ground in zip(folders, cluster.grounds, strict=True)
        for folder in _below(ground, root)
    ]
    return OwnerRoots(own[0] if own else cluster.home, tuple(folders), tuple(made))


def _below(ground: PurePosixPath, folder: PurePosixPath) -> list[PurePosixPath]:
    """Return the folders from below the ground to the folder, the highest first."""
    return [
        each for each in (*reversed(folder.parents), folder) if each != ground and each.is_relative_to(ground)
    ]
