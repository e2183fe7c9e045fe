"""Read-back: an upload whose ETag is no MD5 of its bytes is compared with the object in the store.

An ETag alone is a hint. Only where earlier ETags of the same bucket were MD5s, a different one means that the
store has other bytes.
"""

from collections.abc import Sequence

from gateway.errors import Fault, StorageError, StorageUnavailable
from gateway.filesystems.files import FileSlice, SourceFile
from gateway.storage.store import Store, StoredPart
from gateway.transfers.staging.attempt import Attempt
from gateway.transfers.staging.judgement import BY_ANSWER, BY_SIZE, NO_MD5
from gateway.transfers.staging.parts import run_with_retries


def check_etags(attempt: Attempt) -> None:
    """Raise StorageUnavailable for a doubtful part where earlier ETags of the bucket were MD5s."""
    if attempt.etags.were_md5s():
        raise StorageUnavailable(
            "the store's ETag is not the MD5 of the bytes that were sent, and earlier ones of this bucket"
            " were MD5s; it is tried again"
        )


def confirm_upload(
    file: SourceFile,
    store: Store,
    parts: Sequence[StoredPart],
    attempt: Attempt,
    *,
    is_named: bool = True,
    is_sized: bool = True,
) -> str:
    """Return how the store's bytes were verified; read them back where its answers leave a doubt.

    Raises
    ------
    StorageUnavailable
        When the store has other bytes.
    """
    if any(part.is_doubtful for part in parts):
        check_etags(attempt)
        return _read_doubtful_back(file, store, attempt)
    if not is_named:
        return _read_back(file, store, attempt)
    if all(part.crc64nvme is not None for part in parts):
        return "crc64nvme"
    if not all(part.crc64nvme is not None or part.md5 is not None for part in parts):
        return BY_SIZE if is_sized else _read_back_if_allowed(file, store, attempt)
    attempt.etags.record_md5()
    return "md5"


def _read_doubtful_back(file: SourceFile, store: Store, attempt: Attempt) -> str:
    try:
        return _read_back(file, store, attempt) + NO_MD5
    except StorageError as error:
        if error.fault is not Fault.PERMISSION:
            raise
        found = (
            "the store's ETag is not the MD5 of the bytes that were sent, and this account may not read them"
        )
        raise StorageError(f"{found} back: allow it to read the object", Fault.PERMISSION) from error


def _read_back_if_allowed(file: SourceFile, store: Store, attempt: Attempt) -> str:
    """Return how the bytes were verified: where nothing may be read, the store's answer has to do."""
    if store.uploads is None:  # a presigned URL
        return BY_ANSWER
    try:
        return _read_back(file, store, attempt)
    except StorageError as error:
        if error.fault is not Fault.PERMISSION:
            raise
        return BY_ANSWER


def _read_back(file: SourceFile, store: Store, attempt: Attempt) -> str:
    report = attempt.reporter(lambda: file.size)
    data = FileSlice(file, 0, file.size, report)
    with store.watched(report):
        return run_with_retries(lambda: store.check_bytes(data), report)
