"""Stored credentials: keys of a store that requests name by id and that no call returns."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.credentials.sealing import seal, unseal
from gateway.egress.policy import check_endpoint, port_of
from gateway.errors import Invalid, NotFound
from gateway.models import StoredCredential
from gateway.settings import get_settings
from gateway.storage.address import Credentials, PresignedUrl, Secret, StoredKeys, without_query


def store_credential(
    session: Session, owner: str, name: str, endpoint: str, keys: Credentials
) -> StoredCredential:
    """Store the keys of the object store at an endpoint."""
    check_endpoint(endpoint, get_settings().allowed_endpoints, "endpoint")
    row = StoredCredential(owner=owner, name=name, endpoint=endpoint, secret=seal(keys))
    session.add(row)
    session.flush()
    return row


def list_credentials(session: Session, caller: Caller) -> Sequence[StoredCredential]:
    """Return the credentials that the caller may see, the oldest first."""
    statement = select(StoredCredential).order_by(StoredCredential.created_at, StoredCredential.id)
    if caller.only_owner is not None:
        statement = statement.where(StoredCredential.owner == caller.only_owner)
    return session.scalars(statement).all()


def get_credential(session: Session, caller: Caller, credential_id: UUID) -> StoredCredential:
    """Return the credentials of this id, or raise NotFound, also for those of another owner."""
    row = session.get(StoredCredential, credential_id)
    if row is None or not caller.may_see(row.owner):
        raise NotFound(f"there are no credentials {credential_id}")
    return row


def delete_credential(session: Session, caller: Caller, credential_id: UUID) -> None:
    """Delete credentials. Transfers that were accepted with them keep copies until they end."""
    session.delete(get_credential(session, caller, credential_id))


def resolve_secret(session: Session, owner: str, secret: Secret | StoredKeys, endpoint: str) -> Secret:
    """Return the secret itself, or the stored keys of this id if they are for the same endpoint.

    Raises
    ------
    Invalid
        When the owner does not have these credentials, they belong to another endpoint, or a customer's key
        would be sent without TLS.
    """
    if not isinstance(secret, PresignedUrl) and secret.sse_customer_key and not endpoint.startswith("https:"):
        raise Invalid("it is sent over https alone, and endpoint is not https", field="sse_customer_key")
    if not isinstance(secret, StoredKeys):
        return secret
    row = session.get(StoredCredential, secret.id)
    if row is None or row.owner != owner:
        raise Invalid(f"there are no credentials {secret.id}: POST /credentials first", field="credential_id")
    if _normalise_endpoint(row.endpoint) != _normalise_endpoint(endpoint):
        stored = without_query(row.endpoint)  # an operator may read it to retry the owner's transfer
        raise Invalid(f"these credentials are for {stored}, not for this endpoint", field="credential_id")
    keys = unseal(row.secret)
    return replace(keys, sse_customer_key=secret.sse_customer_key) if isinstance(keys, Credentials) else keys


def _normalise_endpoint(endpoint: str) -> tuple[str, str | None, int | None, str]:
    parts = urlsplit(endpoint)
    return parts.scheme, parts.hostname, port_of(parts), parts.path.rstrip("/")
