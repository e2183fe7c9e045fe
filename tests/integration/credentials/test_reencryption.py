"""Key rotation: a new key, the re-encryption of every row while rows change, and the old key's removal."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from gateway import encryption
from gateway.credentials import reencryption, sealing
from gateway.db import session_scope
from gateway.encryption import KeyMissing, new_key
from gateway.models import Infrastructure, Transfer
from gateway.settings import get_settings
from gateway.storage.address import Credentials
from hpc_gateway_client.commands import app
from tests.rows import KEYS, SECRET, new_transfer, transfer
from tests.workflows import new_workflow, workflow

pytestmark = pytest.mark.usefixtures("database")
OLD, NEW = new_key(), new_key()


@pytest.fixture(autouse=True)
def _old_key(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, OLD)


def _use(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    monkeypatch.setenv("GATEWAY_CREDENTIALS_KEY", " ".join(keys))
    get_settings.cache_clear()
    encryption.keys.cache_clear()


def _secret(row_id: UUID) -> str:
    return transfer(row_id).credentials or ""


def _add_cluster() -> None:
    with session_scope() as session:
        texts = dict.fromkeys(
            ("host", "hostname", "username", "scheduler", "ssh_key_type", "ssh_key_path"), "x"
        )
        session.add(Infrastructure(name="far", ssh_key_password=encryption.encrypt("pass"), **texts))


def test_the_first_key_encrypts_and_all_of_them_decrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    row_id = new_transfer()
    _use(monkeypatch, NEW, OLD)
    assert sealing.unseal(_secret(row_id)) == KEYS
    fresh = _secret(new_transfer())
    _use(monkeypatch, NEW)
    assert sealing.unseal(fresh) == KEYS
    with pytest.raises(KeyMissing, match="lacks the key with which the API encrypted"):
        sealing.unseal(_secret(row_id))


def test_after_the_reencryption_the_old_key_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencryption, "BATCH", 2)
    rows = [new_transfer() for _ in range(5)]
    _add_cluster()
    flow = new_workflow()  # two secrets, and that of its first step
    _use(monkeypatch, NEW, OLD)
    done = CliRunner().invoke(app, ["credentials", "reencrypt"])
    assert (done.exit_code, done.output) == (0, "9 re-encrypted, 0 were under the first key already\n")
    again = CliRunner().invoke(app, ["credentials", "reencrypt"])
    assert again.output == "0 re-encrypted, 9 were under the first key already\n"
    _use(monkeypatch, NEW)
    assert all(sealing.unseal(_secret(row_id)) == KEYS for row_id in rows)
    secrets = workflow(flow).input_secret, workflow(flow).output_secret
    assert {sealing.unseal(secret or "") for secret in secrets} == {Credentials("the-access-key", SECRET)}
    with session_scope() as session:
        password = session.get_one(Infrastructure, "far").ssh_key_password
    assert encryption.decrypt(password or "") == "pass"


def test_what_changes_meanwhile_stays_as_it_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    erased, renewed = new_transfer(), new_transfer()
    _use(monkeypatch, NEW, OLD)
    column = reencryption.SECRETS[0]
    read = [(row_id, _secret(row_id)) for row_id in (erased, renewed)]
    fresh = encryption.encrypt("fresh")
    with session_scope() as session:
        for row_id, value in ((erased, None), (renewed, fresh)):
            session.execute(update(Transfer).where(Transfer.id == row_id).values(credentials=value))
    tally = reencryption.Tally()
    reencryption.reencrypt_some(column, read, tally)
    assert tally.reencrypted == 0
    assert (transfer(erased).credentials, transfer(renewed).credentials) == (None, fresh)


def test_what_no_key_opens_is_counted_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    row_id = new_transfer()
    before = _secret(row_id)
    _use(monkeypatch, NEW)
    done = CliRunner().invoke(app, ["credentials", "reencrypt"])
    assert done.exit_code == 1
    assert "1 cannot be read with any key" in done.output
    assert _secret(row_id) == before


@pytest.mark.parametrize(
    "text",
    ["", " , ", "no key", f"{NEW} no-key"],
    ids=["empty", "separators alone", "no key", "a key and another word"],
)
def test_keys_that_are_none_are_refused_at_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, text)
    with pytest.raises(KeyMissing, match="hpc-gateway key"):
        encryption.check_key()


def test_a_file_may_hold_several_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{NEW}\n{OLD}\n", encoding="ascii")
    old = encryption.encrypt("text")
    monkeypatch.setenv("GATEWAY_CREDENTIALS_KEY_FILE", str(path))
    _use(monkeypatch, OLD)
    assert encryption.decrypt(old) == "text"
    assert not encryption.is_current(old)
