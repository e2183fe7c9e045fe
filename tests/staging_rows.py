"""Transfers as rows, and the tasks that a worker would run for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.storage.address import Secret
from gateway.transfers import lifecycle as transfers
from gateway.work.outbox import message_for
from gateway.work.overdue import take_overdue
from tests.fault_proxy import Fault, Proxy
from tests.rows import create, transfer
from tests.staging import OWNER
from workers.tasks.transfers import clean, run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def create_transfer(
    owner: str, url: str, kind: str, *, path: str, key: str, secret: Secret = OWNER, overwrite: bool = True
) -> UUID:
    """Create a transfer between the store at this URL and the cluster `hpc`; return its id."""
    request = transfers.S3Request(
        kind=kind,
        infrastructure="hpc",
        endpoint=url,
        bucket="data",
        object=key,
        region="local",
        opening=secret,
        path=path,
        overwrite=overwrite,
    )
    with session_scope() as session:
        return create(session, transfers.draft(session, owner, request))


@dataclass(frozen=True)
class Bench:
    """A database, a cluster, and a store behind a proxy."""

    home: Path
    proxy: Proxy
    s3: "S3Client"

    def create(
        self, kind: str, path: str, key: str, secret: Secret = OWNER, *, overwrite: bool = True
    ) -> UUID:
        return create_transfer(
            "local", self.proxy.url, kind, path=path, key=key, secret=secret, overwrite=overwrite
        )

    def break_store(self) -> None:
        self.proxy.restart(lambda number: Fault("busy") if number else Fault("cut", 5000, upwards=True))

    def heal_store(self) -> None:
        self.proxy.restart(lambda _: Fault())


def work(row_id: UUID) -> Transfer:
    """Run the task of the row's message now."""
    with session_scope() as session:
        session.get_one(Transfer, row_id).retry_at = None
    task = {"transfers.run": run, "transfers.clean": clean}[message_for(transfer(row_id)).task]
    task.apply(args=[str(row_id)])
    return transfer(row_id)


def overdue() -> list[str]:
    with session_scope() as session:
        return [message.task for message in take_overdue(session, 10)]
