"""The boundary's keys: made while the vault is empty, and never in the place of others."""

import shutil
from pathlib import Path

import pytest

from sakimori.access.secrets import Secrets, SecretsError
from sakimori.gateway.keys import tokens_key, vault_keys
from sakimori.store import Database, vault


def test_keys_are_made_before_the_first_token_and_must_be_there_after_it(tmp_path: Path) -> None:
    database, secrets = Database.embedded(tmp_path), Secrets.embedded(tmp_path)
    with database.transaction("local") as transaction:
        made = tokens_key(transaction, secrets), vault_keys(transaction, secrets).key(1)
        vault.keep(transaction, vault_keys(transaction, secrets), {"HOST_1": "pc-0412"})
    with database.snapshot("local") as snapshot:
        again = Secrets.embedded(tmp_path)
        assert (tokens_key(snapshot, again), vault_keys(snapshot, again).key(1)) == made
        shutil.rmtree(tmp_path / "secrets")
        for key in (tokens_key, vault_keys):
            with pytest.raises(SecretsError, match=r"the boundary-\w+ key of institution 'local' is missing: restore"):
                key(snapshot, Secrets.embedded(tmp_path))
    with database.snapshot("another") as snapshot:
        assert vault_keys(snapshot, secrets).key(1) != made[1]
    database.close()
