"""The tables beside work: keys, credentials, idempotency, clusters, leases and heartbeats."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, Index, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from gateway.callers import Scope
from gateway.db import utc_now
from gateway.models.base import Base, CleanText, enum_words


class ApiKey(Base):
    """A key of the API, of which only a digest is stored."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    owner: Mapped[str] = mapped_column(String(255))
    scope: Mapped[Scope] = mapped_column(enum_words(Scope))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class StoredCredential(Base):
    """Keys of a store that requests name by id; no route returns them."""

    __tablename__ = "credentials"
    __table_args__ = (Index("ix_credentials_owner", "owner", "created_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid4)
    owner: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(Text)
    endpoint: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Md5Etags(Base):
    """A bucket of a store in which the ETag of an object was its MD5."""

    __tablename__ = "md5_etags"

    endpoint: Mapped[str] = mapped_column(Text, primary_key=True)
    bucket: Mapped[str] = mapped_column(Text, primary_key=True)


class IdempotencyKey(Base):
    """A request that may be repeated, by its owner's key for it, and its first answer once there is one."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_expires_at", "expires_at"),)

    owner: Mapped[str] = mapped_column(String(255), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    number: Mapped[int]
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime]
    expires_at: Mapped[datetime]


class Infrastructure(Base):
    """A cluster that was added over REST; those of the configuration file have no row.

    Each change makes a new revision, whose definition the rows keep that began with it.
    """

    __tablename__ = "infrastructures"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    hostname: Mapped[str] = mapped_column(Text)
    username: Mapped[str] = mapped_column(Text)
    scheduler: Mapped[str] = mapped_column(String(20))
    ssh_key_type: Mapped[str] = mapped_column(String(20), default="")
    ssh_key_path: Mapped[str] = mapped_column(Text)
    ssh_key_password: Mapped[str | None] = mapped_column(Text)
    port: Mapped[int] = mapped_column(default=22)
    host_key: Mapped[str] = mapped_column(Text, default="")
    python: Mapped[str] = mapped_column(Text, default="")
    roots: Mapped[list[str]] = mapped_column(JSON, default=list)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)


class InfrastructureRevision(Base):
    """A definition of a cluster that was added over REST: the columns of its row at one time."""

    __tablename__ = "infrastructure_revisions"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Telemetry(Base):
    """The latest partitions that a cluster's worker reported, and the time of the latest request for them."""

    __tablename__ = "telemetry"

    infrastructure: Mapped[str] = mapped_column(String(63), primary_key=True)
    asked_at: Mapped[datetime]
    as_of: Mapped[datetime | None]
    partitions: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)


class Lease(Base):
    """A named lease, which has one holder at a time: a cluster's watcher, the sweeper."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    holder: Mapped[str] = mapped_column(String(255))
    until: Mapped[datetime]


class WorkerSlots(Base):
    """The slots of one worker of a cluster: tasks of long and of short work that it does at once."""

    __tablename__ = "worker_slots"

    infrastructure: Mapped[str] = mapped_column(String(63), primary_key=True)
    worker: Mapped[str] = mapped_column(String(255), primary_key=True)
    long: Mapped[int]
    short: Mapped[int]
    until: Mapped[datetime]


class Heartbeat(Base):
    """A cluster's latest health check by its worker: the errors of scheduler and files, empty when well.

    `watched_at` is when the scheduler last reported on the watched jobs of the cluster. `definition` is the
    fingerprint of the cluster's definition, as the worker has it.
    """

    __tablename__ = "heartbeats"

    infrastructure: Mapped[str] = mapped_column(String(63), primary_key=True)
    at: Mapped[datetime]
    worker: Mapped[str] = mapped_column(String(255))
    scheduler: Mapped[str] = mapped_column(CleanText)
    filesystem: Mapped[str] = mapped_column(CleanText)
    definition: Mapped[str | None] = mapped_column(String(16))
    watched_at: Mapped[datetime | None]
