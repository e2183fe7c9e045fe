"""Stored credentials: keys of a store that are sent once, named in requests, and never read back."""

from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.credentials.sealing import seal, unseal
from gateway.egress.policy import DEFAULT_PORTS, check_endpoint
from gateway.errors import Invalid, NotFound
from gateway.models import StoredCredential
from gateway.settings import get_settings
from gateway.storage.address import Credentials, Secret


def store_credential(
    session: Session, owner: str, name: str, endpoint: str, keys: Credentials
) -> StoredCredential:
    """Store keys of the store at that endpoint."""
    check_endpoint(endpoint, get_settings().allowed_endpoints, "endpoint")
    row = StoredCredential(owner=owner, name=name, endpoint=endpoint, secret=seal(keys))
    session.add(row)
    session.flush()
    return row


def list_credentials(session: Session, caller: Caller) -> Sequence[StoredCredential]:
    """Return the credentials that the caller may see, oldest first."""
    statement = select(StoredCredential).order_by(StoredCredential.created_at, StoredCredential.id)
    if caller.only_owner is not None:
        statement = statement.where(StoredCredential.owner == caller.only_owner)
    return session.scalars(statement).all()


def get_credential(session: Session, caller: Caller, credential_id: UUID) -> StoredCredential:
    """Return one row, or raise NotFound: another owner's does not exist."""
    row = session.get(StoredCredential, credential_id)
    if row is None or not caller.may_see(row.owner):
        raise NotFound(f"there are no credentials {credential_id}")
    return row


def delete_credential(session: Session, caller: Caller, credential_id: UUID) -> None:
    """Delete one row. Transfers that were accepted with it have keys of their own until they end."""
    session.delete(get_credential(session, caller, credential_id))


def resolve_secret(session: Session, owner: str, opening: Secret | UUID, endpoint: str) -> Secret:
    """Return the secret for the store at `endpoint`; stored keys are used for their own endpoint alone.

    Raises
    ------
    Invalid
        When the owner does not have these credentials, or they belong to another endpoint.
    """
    if not isinstance(opening, UUID):
        return opening
    row = session.get(StoredCredential, opening)
    if row is None or row.owner != owner:
        raise Invalid(f"there are no credentials {opening}: POST /credentials first", field="credential_id")
    if _origin(row.endpoint) != _origin(endpoint):
        raise Invalid(
            f"these credentials are for {row.endpoint}, not for this endpoint", field="credential_id"
        )
    return unseal(row.secret)


def _origin(endpoint: str) -> tuple[str, str | None, int | None, str]:
    parts = urlsplit(endpoint)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")
