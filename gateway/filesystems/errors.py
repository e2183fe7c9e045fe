"""Errors of a cluster's filesystem: error numbers as sentences that a user can act on."""

import errno
from pathlib import PurePosixPath

from gateway.attempt_files import TRANSIENT
from gateway.errors import Fault, FilesystemError, FilesystemUnavailable

_SENTENCES = {
    errno.ENOENT: "{path} does not exist on the cluster: check the path",
    errno.EACCES: "the cluster account has no permission for {path}: change its mode or choose another path",
    errno.EPERM: "the cluster account has no permission for {path}: change its mode or choose another path",
    errno.ENOSPC: "no space is left on the cluster for {path}: free some and retry",
    errno.EDQUOT: "the quota on the cluster is used up, {path} does not fit: free some space and retry",
    errno.EFBIG: "{path} would be larger than the cluster's filesystem allows",
    errno.EROFS: "{path} lies on a filesystem of the cluster that is read-only: choose another path",
    errno.ENOTDIR: "a part of {path} is a file where a folder is needed: check the path",
    errno.EISDIR: "{path} is a folder on the cluster where a file is needed: check the path",
    errno.ENOTEMPTY: "{path} is a folder on the cluster where a file is needed: check the path",
    errno.EEXIST: "{path} exists on the cluster and is not a folder: check the path",
    errno.ENAMETOOLONG: "a name in {path} is too long for the cluster's filesystem: shorten it",
    errno.EINVAL: "the cluster's filesystem does not accept the name {path}: choose another one",
    errno.ELOOP: "{path} leads in circles through symbolic links: check the path",
}
_FAULTS = {
    errno.ENOENT: Fault.NOT_FOUND,
    errno.EACCES: Fault.PERMISSION,
    errno.EPERM: Fault.PERMISSION,
    errno.EROFS: Fault.PERMISSION,
    errno.ENOSPC: Fault.SPACE,
    errno.EDQUOT: Fault.SPACE,
    errno.EFBIG: Fault.SPACE,
}


class filesystem_errors:  # noqa: N801  used like a contextlib manager, which would cost three times as much
    """Turn an OSError of the block into a FilesystemError about `path`."""

    def __init__(self, path: PurePosixPath) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Raise the FilesystemError for the block's OSError."""
        if isinstance(error, OSError):
            raise filesystem_error(error, self._path) from error


def filesystem_error(error: OSError, path: PurePosixPath) -> FilesystemError:
    """Return the FilesystemError for an error of the operating system."""
    code = error.errno or 0
    if code in _SENTENCES:
        return FilesystemError(_SENTENCES[code].format(path=path), _FAULTS.get(code, Fault.NAME))
    reason = (error.strerror or type(error).__name__).lower()
    if code in TRANSIENT:
        return FilesystemUnavailable(
            f"the cluster's filesystem does not answer for {path} at the moment ({reason})"
        )
    return FilesystemError(f"the cluster's filesystem refused {path}: {reason}")
