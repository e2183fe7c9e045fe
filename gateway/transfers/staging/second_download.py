"""Second download: the file is fetched once more and compared with the bytes on the disk, which it leaves.

It decides where no checksum does: an ETag alone disagrees, or a body just ended with its connection.
"""

from collections.abc import Callable

from gateway.errors import StorageError, StorageUnavailable
from gateway.filesystems.files import PartialFile
from gateway.storage.remote import Remote, RemoteInfo
from gateway.transfers.staging.attempt import Attempt
from gateway.transfers.staging.part_queue import Part, PartQueue
from gateway.transfers.staging.parts import PartRunner


class _DifferentBytesError(StorageError):
    """The second download has other bytes than the first."""


class SecondDownload:
    """A second download of one version of a remote file, in parts of the same size as the first."""

    def __init__(self, remote: Remote, info: RemoteInfo, incoming: PartialFile, part_bytes: int) -> None:
        self._remote, self._info, self._incoming, self._part_bytes = remote, info, incoming, part_bytes
        self._size = incoming.size

    def agrees(self, attempt: Attempt) -> bool:
        """Return whether the second download has the same bytes as the first."""
        parts = PartQueue(self._info.size, self._part_bytes if self._info.ranges else 0)
        connections = min(attempt.connections, self._info.most_connections)
        least_bytes = attempt.least_bytes
        runner = PartRunner(parts, connections, self._compare, self._remote.cut, least_bytes=least_bytes)
        try:
            runner.run(attempt.reporter(lambda: self._size))
        except _DifferentBytesError:
            return False
        return parts.count_done() == self._size

    def _compare(self, part: Part, check_stop: Callable[[], None]) -> None:
        part.done = 0

        def take(data: memoryview) -> bool:
            check_stop()
            start = part.start + part.done
            wanted = data if part.stop is None else data[: part.stop - start]
            if self._incoming.read_at(memoryview(bytearray(len(wanted))), start) != wanted:
                raise _DifferentBytesError("a second download has other bytes")
            part.done += len(wanted)
            return part.stop is None or start + len(wanted) < part.stop

        if part.stop == part.start:
            return
        with self._remote.read(self._info, part.start, part.stop) as answer:
            answer.stream(take)
        if part.stop is not None and part.start + part.done < part.stop:
            raise StorageUnavailable("the store ended the connection before all was sent")
