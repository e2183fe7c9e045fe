"""Re-encryption of all secrets in the database under the first key, while the gateway runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from gateway import encryption
from gateway.db import session_scope
from gateway.encryption import KeyMissing
from gateway.models import Base, Infrastructure, StoredCredential, Transfer, Workflow

BATCH = 200


@dataclass(frozen=True)
class Column:
    """A column of secrets, and the primary key of its table."""

    table: type[Base]
    key: InstrumentedAttribute[object]
    secret: InstrumentedAttribute[str | None]


SECRETS = (
    Column(Transfer, Transfer.id, Transfer.credentials),
    Column(Workflow, Workflow.id, Workflow.input_secret),
    Column(Workflow, Workflow.id, Workflow.output_secret),
    Column(StoredCredential, StoredCredential.id, StoredCredential.secret),
    Column(Infrastructure, Infrastructure.name, Infrastructure.ssh_key_password),
)


@dataclass
class Tally:
    """Counts of the secrets: under the first key already, re-encrypted, and without a matching key."""

    current: int = 0
    reencrypted: int = 0
    unreadable: int = 0


def reencrypt() -> Tally:
    """Encrypt all secrets under the first key, in batches of short transactions; safe to repeat."""
    tally = Tally()
    for column in SECRETS:
        for batch in _batches(column):
            reencrypt_some(column, batch, tally)
    return tally


def _batches(column: Column) -> Iterator[list[tuple[object, str]]]:
    """Yield primary keys and secrets in the order of the keys, so that no row comes twice."""
    after = None
    while True:
        statement = select(column.key, column.secret).where(column.secret.is_not(None))
        if after is not None:
            statement = statement.where(column.key > after)
        with session_scope(read_only=True) as session:
            found = session.execute(statement.order_by(column.key).limit(BATCH)).all()
        if not found:
            return
        yield [(key, secret) for key, secret in found if secret is not None]
        after = found[-1][0]


def reencrypt_some(column: Column, batch: Sequence[tuple[object, str]], tally: Tally) -> None:
    """Encrypt a batch under the first key, except secrets that have changed since they were read."""
    with session_scope() as session:
        for key, secret in batch:
            if encryption.is_current(secret):
                tally.current += 1
                continue
            try:
                fresh = encryption.encrypt(encryption.decrypt(secret))
            except KeyMissing:
                tally.unreadable += 1
                continue
            # The condition on the secret keeps a value that was changed or erased since it was read.
            unchanged = update(column.table).where(column.key == key, column.secret == secret)
            written = session.scalars(
                unchanged.values({column.secret: fresh})
                .returning(column.key)
                .execution_options(synchronize_session=False)
            )
            tally.reencrypted += len(written.all())
