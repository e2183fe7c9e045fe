"""Judgement of a download: whether the bytes are the file's, by a checksum, a second download or the size.

A checksum that the server states decides. One that an ETag alone gives is a hint, because many stores put
something else there: only where earlier ETags of the same bucket were MD5s, another one means wrong bytes.
"""

from collections.abc import Callable
from typing import NamedTuple

from gateway.errors import StorageUnavailable
from gateway.filesystems.files import PartialFile
from gateway.storage.checksums import Verifier
from gateway.storage.remote import Remote, RemoteInfo, without_hints
from gateway.transfers.staging.attempt import Attempt
from gateway.transfers.staging.second_download import SecondDownload

BY_SIZE = "size"
BY_ANSWER = "the store's answer"  # to an upload; nothing that came back shows the bytes
BY_SECOND = "second download"
NO_MD5 = "; the ETag is not the MD5"
_BUFFER_BYTES = 1 << 20


class Digested(NamedTuple):
    """The checksum of the arrived bytes: its algorithm, empty for none, and whether it is as expected."""

    algorithm: str
    agrees: Callable[[], bool]


class Judgement:
    """The judgement of one arrived version of a file."""

    def __init__(
        self,
        remote: Remote,
        info: RemoteInfo,
        incoming: PartialFile,
        attempt: Attempt,
        part_bytes: int = 0,
    ) -> None:
        self._remote, self._info, self._incoming, self._attempt = remote, info, incoming, attempt
        self._part_bytes = part_bytes

    def verify(self, arrived: int, found: Digested) -> str:
        """Return how the bytes were verified.

        Raises
        ------
        StorageUnavailable
            When bytes are missing or wrong; the file is then empty.
        """
        self._check_size(arrived)
        if not found.algorithm:
            return BY_SIZE if self._info.is_delimited else self._verify_by_second("")
        if found.agrees():
            if found.algorithm in self._info.hints:
                self._attempt.etags.record_md5()
            return found.algorithm
        if found.algorithm not in self._info.hints:
            raise self._mismatch(found.algorithm)
        return self._verify_without_etag(found.algorithm)

    def _check_size(self, arrived: int) -> None:
        expected = arrived if self._info.size is None else self._info.size
        if arrived != expected or self._incoming.size != expected:
            size = self._incoming.size
            self._incoming.restart()
            raise StorageUnavailable(f"{size} of {expected} bytes arrived; it is tried again")

    def _verify_without_etag(self, hint: str) -> str:
        """Verify by the strongest checksum that the store states, or by a second download."""
        verifier = Verifier(without_hints(self._info))
        if not verifier.algorithm and self._attempt.etags.were_md5s():
            raise self._mismatch(hint)
        if not verifier.algorithm:
            return self._verify_by_second(NO_MD5)
        if not self._has_checksum(verifier):
            raise self._mismatch(verifier.algorithm)
        return f"{verifier.algorithm}{NO_MD5}"

    def _has_checksum(self, verifier: Verifier) -> bool:
        """Read the file back, and return whether it has the checksum."""
        report = self._attempt.reporter(lambda: self._incoming.size)
        stretch, buffer, offset = verifier.stretch(), memoryview(bytearray(_BUFFER_BYTES)), 0
        while piece := self._incoming.read_at(buffer, offset):
            stretch.update(piece)
            offset += len(piece)
            report()
        return verifier.agrees([stretch])

    def _verify_by_second(self, why: str) -> str:
        second = SecondDownload(self._remote, self._info, self._incoming, self._part_bytes)
        if second.agrees(self._attempt):
            return f"{BY_SECOND}{why}"
        self._incoming.restart()
        raise StorageUnavailable("two downloads of the file have different bytes; it is tried again")

    def _mismatch(self, algorithm: str) -> StorageUnavailable:
        self._incoming.restart()
        return StorageUnavailable(
            f"the bytes that arrived do not have the {algorithm} checksum that the store gives;"
            " it is tried again"
        )
