"""Re-encryption: every secret in the database brought under the newest key, while the gateway runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from gateway import encryption
from gateway.db import session_scope
from gateway.encryption import KeyMissing
from gateway.models import Base, Infrastructure, StoredCredential, Transfer

BATCH = 200


@dataclass(frozen=True)
class Column:
    """A column of secrets, and the key of its table."""

    table: type[Base]
    key: InstrumentedAttribute[Any]
    secret: InstrumentedAttribute[Any]


SECRETS = (
    Column(Transfer, Transfer.id, Transfer.credentials),
    Column(StoredCredential, StoredCredential.id, StoredCredential.secret),
    Column(Infrastructure, Infrastructure.name, Infrastructure.ssh_key_password),
)


@dataclass
class Tally:
    """How many secrets were found under which key; `unreadable` are those that no key opens."""

    current: int = 0
    reencrypted: int = 0
    unreadable: int = 0


def reencrypt() -> Tally:
    """Bring all secrets under the first key, in batches of short transactions; safe to repeat."""
    tally = Tally()
    for column in SECRETS:
        for batch in _batches(column):
            reencrypt_some(column, batch, tally)
    return tally


def _batches(column: Column) -> Iterator[list[tuple[Any, str]]]:
    """Yield keys and secrets, in the order of the keys, so that no row is seen twice."""
    after = None
    while True:
        statement = select(column.key, column.secret).where(column.secret.is_not(None))
        if after is not None:
            statement = statement.where(column.key > after)
        with session_scope(read_only=True) as session:
            found = session.execute(statement.order_by(column.key).limit(BATCH)).all()
        if not found:
            return
        yield [(key, secret) for key, secret in found]
        after = found[-1][0]


def reencrypt_some(column: Column, batch: list[tuple[Any, str]], tally: Tally) -> None:
    """Bring some under the first key, unless they have changed since they were read."""
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
            # A secret that was changed or erased since it was read stays as it is.
            unchanged = update(column.table).where(column.key == key, column.secret == secret)
            written = session.execute(
                unchanged.values({column.secret: fresh}).execution_options(synchronize_session=False)
            )
            tally.reencrypted += written.rowcount  # type: ignore[attr-defined]  # of an UPDATE
