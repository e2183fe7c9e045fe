"""The catalog of clusters: those of the operator's file, and those added over REST."""

from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway import encryption
from gateway.clusters.configuration import Cluster, check_name, configured_clusters
from gateway.clusters.remote_entries import Definition, check_definition, cluster_of_definition, missing_part
from gateway.db import utc_now
from gateway.errors import Conflict, NotFound
from gateway.models import Infrastructure, InfrastructureRevision, Job, Transfer, Workflow


def add_cluster(session: Session, name: str, definition: Definition, password: str) -> Cluster:
    """Add or replace an entry; an entry of the file stays as it is configured.

    Raises
    ------
    Invalid
        When the entry sets a value that its key does not allow.
    Conflict
        When unfinished rows need host, account, scheduler or roots as they are.
    """
    cluster = configured_clusters().get(check_name(name))
    if cluster is not None:
        return cluster
    check_definition(definition)
    row = session.get(Infrastructure, name, with_for_update=True)
    if row is None:
        row = Infrastructure(name=name)
        session.add(row)
    elif _definition_of(row) == definition and _has_password(row, password):
        return _cluster_of_row(row)
    elif _definition_of(row).identity != definition.identity:
        _check_unused(session, name, "until then host, port, account, scheduler and roots stay")
    _write(row, definition, password)
    row.revision = _last_revision(session, name) + 1
    session.add(InfrastructureRevision(name=name, revision=row.revision, definition=definition.stored()))
    session.flush()
    return _cluster_of_row(row)


def delete_cluster(session: Session, name: str) -> None:
    """Remove an entry; its revisions stay for the rows that began with them.

    Raises
    ------
    NotFound
        When there is none of that name.
    Conflict
        When the operator's file defines it, or rows of it are unfinished.
    """
    if name in configured_clusters():
        raise Conflict(f"{name!r} is defined in the operator's configuration file: it is removed there")
    row = session.get(Infrastructure, name, with_for_update=True) if "\0" not in name else None
    if row is None:
        raise _unknown(name)
    _check_unused(session, name, "it can be deleted afterwards")
    session.delete(row)


def get_cluster(session: Session, name: str) -> Cluster:
    """Return the cluster of that name, or raise NotFound."""
    cluster = configured_clusters().get(name)
    if cluster is not None:
        return cluster
    row = session.get(Infrastructure, name) if "\0" not in name else None
    if row is None:
        raise _unknown(name)
    return _cluster_of_row(row)


def hold_cluster(session: Session, name: str) -> None:
    """Keep an entry from being deleted or moved until the transaction ends, in which work for it begins.

    Raises
    ------
    NotFound
        When it has been deleted since the request was checked.
    """
    if name in configured_clusters():
        return
    kept = select(Infrastructure.revision).where(Infrastructure.name == name).with_for_update(read=True)
    if session.scalar(kept) is None:
        raise _unknown(name)


def get_revision(session: Session, name: str, revision: int) -> Cluster:
    """Return the cluster as it was defined at that revision, with key and host key as they are now."""
    found = session.get(InfrastructureRevision, (name, revision))
    row = session.get(Infrastructure, name)
    if found is None or row is None:
        return get_cluster(session, name)
    now = _definition_of(row)
    definition = replace(
        Definition.of(found.definition),
        key=now.key,
        host_key=now.host_key,
        sealed_passphrase=row.ssh_key_password or "",
    )
    return cluster_of_definition(name, definition, revision)


def list_clusters(session: Session) -> list[Cluster]:
    """Return all clusters in the order of their names."""
    rows = session.scalars(select(Infrastructure))
    found = {row.name: _cluster_of_row(row) for row in rows} | configured_clusters()
    return [found[name] for name in sorted(found)]


def find_missing(session: Session, name: str) -> str:
    """Return the sentence about the part that an entry lacks to be served; nothing when it lacks none."""
    row = session.get(Infrastructure, name) if name not in configured_clusters() else None
    return missing_part(_definition_of(row)) if row is not None else ""


def list_served(session: Session) -> list[Cluster]:
    """Return the clusters added over REST that lack nothing: `worker --remote` serves them."""
    return [cluster for cluster in list_clusters(session) if cluster.revision and cluster.ssh is not None]


def _write(row: Infrastructure, definition: Definition, password: str) -> None:
    row.host, row.hostname, row.username = definition.host, definition.hostname, definition.username
    row.scheduler, row.port, row.host_key = definition.scheduler, definition.port, definition.host_key
    row.ssh_key_path, row.python, row.roots = definition.key, definition.python, list(definition.roots)
    row.ssh_key_password = encryption.encrypt(password) if password else None
    row.updated_at = utc_now()


def _has_password(row: Infrastructure, password: str) -> bool:
    return (encryption.decrypt(row.ssh_key_password) if row.ssh_key_password else "") == password


def _definition_of(row: Infrastructure, sealed_passphrase: str = "") -> Definition:
    return Definition(
        host=row.host,
        hostname=row.hostname,
        username=row.username,
        scheduler=row.scheduler,
        key=row.ssh_key_path,
        sealed_passphrase=sealed_passphrase,
        port=row.port,
        host_key=row.host_key,
        python=row.python,
        roots=tuple(row.roots),
    )


def _cluster_of_row(row: Infrastructure) -> Cluster:
    definition = _definition_of(row, row.ssh_key_password or "")
    return cluster_of_definition(row.name, definition, row.revision)


def _last_revision(session: Session, name: str) -> int:
    newest = select(func.max(InfrastructureRevision.revision)).where(InfrastructureRevision.name == name)
    return session.scalar(newest) or 0


def _check_unused(session: Session, name: str, advice: str) -> None:
    """Raise Conflict while rows of the cluster are unfinished: a workflow may have none between its steps."""
    count = sum(
        session.scalar(select(func.count()).where(model.infrastructure == name, model.state.in_(model.live)))
        or 0
        for model in (Transfer, Job, Workflow)
    )
    if count:
        raise Conflict(
            f"{count} transfers, jobs and workflows of {name!r} are unfinished: wait for them or cancel them;"
            f" {advice}"
        )


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no infrastructure {name!r}; GET /infrastructure lists them")
