"""A shared filesystem: the files of a cluster that this machine has mounted, or this machine's own.

Paths come here already judged by their text. Links can be judged only by the filesystem, and are judged here
without a race: folders are opened component by component, the kernel is asked where each descriptor really
leads (/proc/self/fd), and all work is done relative to descriptors that lead to a place inside the
roots. So a symbolic link may point anywhere inside the roots and nowhere else, even if it changes meanwhile.
Protected files and folders are outside, wherever they lie.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from secrets import token_hex

from gateway.errors import Fault, FilesystemError, is_over
from gateway.filesystems.errors import filesystem_errors
from gateway.filesystems.files import PartialFile, SourceFile
from gateway.filesystems.protection import Protection
from gateway.filesystems.temporary import (
    check_replaceable,
    is_temporary,
    open_temporary,
    temporary_names,
)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class SharedFilesystem:
    """The part of a filesystem below some roots and outside of what is protected.

    `own` are folders at or above the roots that are created, for this account alone, when something is
    first written below them; any other root has to be there.
    """

    def __init__(
        self,
        roots: Sequence[PurePosixPath],
        own: Sequence[PurePosixPath] = (),
        *,
        protected: Sequence[PurePosixPath] = (),
    ) -> None:
        self._own, self._protection = own, Protection(protected)
        # The deepest first: of two roots in one another the nearest is where a path starts.
        self._roots = sorted(roots, key=lambda root: len(root.parts), reverse=True)

    @contextmanager
    def read(self, path: PurePosixPath) -> Iterator[SourceFile]:
        """Open a regular file."""
        with self._handle(path) as handle:
            fd = _open_regular(handle, path)
        try:
            found = os.fstat(fd)
            yield SourceFile(path, fd, found.st_size, found.st_mtime_ns)
        finally:
            os.close(fd)

    @contextmanager
    def receive(self, path: PurePosixPath, token: str = "") -> Iterator[PartialFile]:
        """Open a file for writing, which appears at `path` when the block ends well, and else nowhere.

        Folders are created. The file has a temporary name beside `path` until its bytes are on the
        disk; then it replaces a file at `path` in one step. With a `token` a block that ended before
        its time leaves its bytes, and the next one with that token, in any process, goes on with them:
        after an error that is worth another attempt, or when this process was killed or stopped. When
        no attempt follows, `discard` removes them.
        """
        if path in self._roots:
            raise FilesystemError(
                f"{path} is a folder on the cluster where a file is needed: add a file name"
            )
        with self._parent(path, create=True) as folder:
            names = temporary_names(path.name, token or token_hex(6))
            with filesystem_errors(path):
                check_replaceable(folder, path)
                fd = open_temporary(folder, names.part, path)
            try:
                yield PartialFile(path, fd, folder, names.notes)
                with filesystem_errors(path):
                    os.fsync(fd)
                    os.rename(names.part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
                    names.remove_notes(folder)
                    os.fsync(folder)
            except BaseException as error:
                if not token or is_over(error):
                    names.remove(folder)
                raise
            finally:
                os.close(fd)

    def discard(self, path: PurePosixPath, token: str) -> None:
        """Remove the temporary files of a `receive` with that token; none is fine."""
        with _ignore_absence(), self._parent(path) as folder, filesystem_errors(path):
            temporary_names(path.name, token).remove(folder)

    def remove_folder(self, path: PurePosixPath) -> None:
        """Remove a folder and all below it without following a link; a missing folder is fine."""
        with _ignore_absence(), self._parent(path) as folder, filesystem_errors(path):
            shutil.rmtree(path.name, dir_fd=folder)

    def remove_file(self, path: PurePosixPath, size: int, written_before: datetime) -> None:
        """Remove a regular file of this size that was not written since the given time.

        Any other file stays; a missing file is no error.
        """
        with _ignore_absence(), self._parent(path) as folder, filesystem_errors(path):
            found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
            is_old = found.st_mtime <= written_before.timestamp()
            if stat.S_ISREG(found.st_mode) and found.st_size == size and is_old:
                os.unlink(path.name, dir_fd=folder)

    def files(self, path: PurePosixPath) -> Iterator[tuple[str, int]]:
        """Yield name and size of every file below a folder but the protected ones.

        A link must lead to a file that may be read.
        """
        with self._folder(path) as folder, filesystem_errors(path):
            for root, folders, names, fd in os.fwalk(".", dir_fd=folder, onerror=_raise):
                here, every = _real_path(fd), sorted(folders + names)
                folders.clear()
                for name in every:
                    found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    below = os.path.normpath(f"{root}/{name}")
                    if self._protection.covers(f"{here}/{name}", found):
                        continue
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(name)
                    elif stat.S_ISLNK(found.st_mode):
                        yield below, self._size(path / below)
                    elif stat.S_ISREG(found.st_mode) and not is_temporary(name):
                        yield below, found.st_size

    def _size(self, path: PurePosixPath) -> int:
        with self.read(path) as source:
            return source.size

    def write_text(self, path: PurePosixPath, text: str) -> None:
        """Write a small file whole: a reader sees the old text or the new one."""
        with self.receive(path) as incoming:
            incoming.write_at(text.encode(), 0)

    def read_text(self, path: PurePosixPath, limit_bytes: int, *, tail: bool = False) -> str:
        """Return at most `limit_bytes` of a text file, from its start or, with `tail`, up to its end."""
        with self.read(path) as source, filesystem_errors(path):
            start = max(source.size - limit_bytes, 0) if tail else 0
            return os.pread(source.fd, limit_bytes, start).decode(errors="replace")

    def make_folder(self, path: PurePosixPath) -> None:
        """Create the folder and those above it; one that exists is fine."""
        with self._folder(path, create=True):
            pass

    def exists(self, path: PurePosixPath) -> bool:
        """Return whether there is a file or folder at `path`; a link that leaves the roots is refused."""
        try:
            with self._handle(path):
                return True
        except FilesystemError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return False
            raise

    def open_folder(self, path: PurePosixPath, *, create: bool = False) -> AbstractContextManager[int]:
        """Open a folder inside the roots as a descriptor; create it if asked to."""
        return self._folder(path, create=create)

    @contextmanager
    def _folder(self, path: PurePosixPath, *, create: bool = False) -> Iterator[int]:
        """Open a folder inside the roots, and create missing folders if asked to."""
        root = next((root for root in self._roots if _is_at_or_below(path, root)), None)
        if root is None:
            raise FilesystemError(
                f"{path} leaves the folders that are allowed on the cluster", Fault.PERMISSION
            )
        with filesystem_errors(path):
            for folder in self._own if create else ():
                if _is_at_or_below(root, folder):
                    _make_private(folder)
            fd = os.open(root, _FOLDER)
        try:
            self._check_inside(fd, path)
            for name in path.parts[len(root.parts) :]:
                self._check_name(fd, name, path)
                with filesystem_errors(path):
                    deeper = _step(fd, name, create=create)
                os.close(fd)
                fd = deeper
                self._check_inside(fd, path)
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _parent(self, path: PurePosixPath, *, create: bool = False) -> Iterator[int]:
        """Open the folder that holds `path`, whose name is not protected there."""
        with self._folder(path.parent, create=create) as folder:
            self._check_name(folder, path.name, path)
            yield folder

    @contextmanager
    def _handle(self, path: PurePosixPath) -> Iterator[int]:
        """Open `path` as a handle (O_PATH), which reads nothing of it."""
        is_root = path in self._roots
        with self._folder(path if is_root else path.parent) as folder, filesystem_errors(path):
            handle = os.open("." if is_root else path.name, os.O_PATH | os.O_CLOEXEC, dir_fd=folder)
        try:
            self._check_inside(handle, path)
            yield handle
        finally:
            os.close(handle)

    def _check_inside(self, fd: int, path: PurePosixPath) -> None:
        """Raise FilesystemError when the descriptor leads out of the roots or to a protected place."""
        real = _real_path(fd)
        if self._protection.covers(real, os.fstat(fd)):
            raise _protected(path)
        if not _is_below(real, map(str, self._roots)) and not _is_below(
            real, map(os.path.realpath, self._roots)
        ):
            raise FilesystemError(
                f"{path} leads through a symbolic link out of the folders that are allowed", Fault.PERMISSION
            )

    def _check_name(self, folder: int, name: str, path: PurePosixPath) -> None:
        """Raise FilesystemError when a name in a folder is protected, whether it exists or not."""
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            found = None
        if self._protection.covers(f"{_real_path(folder)}/{name}", found):
            raise _protected(path)


def _protected(path: PurePosixPath) -> FilesystemError:
    return FilesystemError(
        f"{path} leads to files of the gateway itself, which no request reaches: choose another path",
        Fault.PERMISSION,
    )


def _real_path(fd: int) -> str:
    """Return the path without links to which a descriptor leads."""
    return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115  a Path costs as much as the look itself


def _is_at_or_below(path: PurePosixPath, folder: PurePosixPath) -> bool:
    """Return the same as `is_relative_to`, in a tenth of its time."""
    return path.parts[: len(folder.parts)] == folder.parts


def _is_below(real: str, roots: Iterable[str]) -> bool:
    """Return whether a path without links is one of the roots or below it."""
    return any(real == root or real.startswith(f"{root.rstrip('/')}/") for root in roots)


@contextmanager
def _ignore_absence() -> Iterator[None]:
    try:
        yield
    except FilesystemError as error:
        if not isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise


def _make_private(folder: PurePosixPath) -> None:
    with suppress(FileExistsError):
        Path(folder).mkdir(0o700)


def _open_regular(handle: int, path: PurePosixPath) -> int:
    """Open the handle's file for reading; its kind is known before it is opened."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise FilesystemError(f"{path} is not a file on the cluster: check the path")
    with filesystem_errors(path):
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC)


def _step(folder: int, name: str, *, create: bool) -> int:
    """Open a folder in a folder; create it when it is missing and `create` is set."""
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _raise(error: OSError) -> None:
    raise error
