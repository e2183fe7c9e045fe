"""The files that owners upload: accepted within the quota, shown, and opened as the input of work."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.accounts.owner_names import owner_folder_name
from gateway.callers import Caller
from gateway.db import due_in, lock_names, utc_now
from gateway.errors import Conflict, Invalid, NotFound
from gateway.models import StoredFile
from gateway.settings import get_settings
from gateway.storage.own_store import OwnStore, own_store
from gateway.uploads.presigning import SignedRequest, sign_complete, sign_part, sign_put, sign_start

UNUSED_S = 86400.0
LONGEST_NAME_BYTES = 255
LARGEST_PUT = 5 << 30
LARGEST = 5 << 40
PART_BYTES = 512 << 20
_MOST_PARTS = 1250  # so that their URLs make an answer of less than a megabyte


@dataclass(frozen=True)
class OpenedFile:
    """An uploaded file as the source of a transfer from the gateway's own store."""

    bucket: str
    object: str
    size: int
    name: str


@dataclass(frozen=True)
class Parts:
    """The requests of an upload in parts: each part in its order, then the end."""

    parts: list[SignedRequest]
    complete: SignedRequest


def accept_file(session: Session, owner: str, name: str, size: int) -> StoredFile:
    """Insert the row of a file to be uploaded; raise Invalid, or NotConfigured without a store."""
    store = own_store(get_settings())
    _check_name(name)
    if not 0 < size <= LARGEST:
        raise Invalid(f"it is {size}; expected 1 to {LARGEST} bytes", field="size")
    if lack := lack_of_room(session, owner, size):
        raise Invalid(lack, field="size")
    return add_row(session, store, owner, name, size)


def _check_name(name: str) -> None:
    if "/" in name or name in {".", ".."} or not name.isprintable():
        raise Invalid(f"{name!r} is no file name: expected printable characters without '/'", field="name")
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise Invalid(f"it is longer than {LONGEST_NAME_BYTES} bytes: shorten it", field="name")


def lack_of_room(session: Session, owner: str, size: int) -> str:
    """Return why the owner's quota has no room for so many bytes; "" where it has, until the commit."""
    quota = get_settings().store_owner_bytes
    if not quota:
        return ""
    lock_names(session, [f"files of {owner}"])
    used = int(session.scalar(select(func.sum(StoredFile.size)).where(StoredFile.owner == owner)) or 0)
    if used + size <= quota:
        return ""
    return (
        f"{used} of {quota} bytes of yours in the gateway's store are used (GATEWAY_STORE_OWNER_BYTES), and"
        f" this needs {size} more: unused files are removed after a day"
    )


def add_row(
    session: Session, store: OwnStore, owner: str, name: str, size: int, **of_result: Any
) -> StoredFile:
    """Insert a row with a random id, below which its object lies."""
    row = StoredFile(id=uuid4(), owner=owner, name=name, size=size, bucket=store.bucket, **of_result)
    row.object = f"{owner_folder_name(owner)}/{row.id}"
    row.created_at, row.kept_until = utc_now(), due_in(UNUSED_S)
    session.add(row)
    session.flush()
    return row


def find_file(session: Session, caller: Caller, file_id: UUID, *, lock: bool = False) -> StoredFile:
    """Return the uploaded file, or raise NotFound: another owner's and a removed one do not exist.

    An operator does not see it either, as with the file comes the right to write it.
    """
    row = session.get(StoredFile, file_id, with_for_update=lock or None)
    if row is None or row.job_id or row.removed_at or row.owner != caller.owner:
        raise NotFound(f"there is no file {file_id}: unused files are removed after a day")
    return row


def open_file(session: Session, owner: str, file_id: UUID) -> OpenedFile:
    """Return a file of the owner's own as the source of a transfer; its removal is put off by a day."""
    own_store(get_settings())
    row = session.get(StoredFile, file_id, with_for_update=True)
    if row is None or row.job_id or row.removed_at or row.owner != owner:
        raise NotFound(f"there is no file {file_id} of yours: upload it with POST /files")
    row.kept_until = due_in(UNUSED_S)
    session.flush()
    return OpenedFile(row.bucket, row.object, row.size, row.name)


def sign_upload(row: StoredFile) -> SignedRequest:
    """Return the request that uploads the file; above 5 GiB, the one that starts an upload in parts."""
    store = own_store(get_settings())
    if row.size > LARGEST_PUT:
        return sign_start(store, row.object)
    return sign_put(store, row.object, row.size)


def part_bytes(size: int) -> int | None:
    """Return the size of the parts in which a file is uploaded; None where one request is enough."""
    return max(PART_BYTES, -(-size // _MOST_PARTS)) if size > LARGEST_PUT else None


def sign_parts(row: StoredFile, upload_id: str) -> Parts:
    """Return the requests for the parts of a started upload, the only one of the file from now on.

    Raises
    ------
    Conflict
        When parts of another upload were signed: both together could hold more than the file's size.
    """
    store, step = own_store(get_settings()), part_bytes(row.size)
    if step is None:
        raise Invalid(f"the file has {row.size} bytes, which one PUT uploads", field="upload_id")
    if row.upload_id not in {"", upload_id}:
        raise Conflict("the parts of this file belong to another upload: go on with it, or POST /files anew")
    row.upload_id = upload_id
    sizes = [min(step, row.size - start) for start in range(0, row.size, step)]
    parts = [sign_part(store, row.object, upload_id, n, size) for n, size in enumerate(sizes, 1)]
    return Parts(parts, sign_complete(store, row.object, upload_id))
