"""The boundary's keys: made while the vault is empty, and never in the place of others."""

import shutil
from pathlib import Path

import pytest

from sakimori.access.secrets import Secrets, SecretsError
from sakimori.gateway.keys import tokens_key, vault_key
from sakimori.store import Database, vault


def test_keys_are_made_before_the_first_token_and_must_be_there_after_it(tmp_path: Path) -> None:
    database, secrets = Database.embedded(tmp_path), Secrets.embedded(tmp_path)
    with database.transaction("local") as transaction:
        made = tokens_key(transaction, secrets), vault_key(transaction, secrets)
        vault.keep(transaction, made[1], {"HOST_1": "pc-0412"})
    with database.snapshot("local") as snapshot:
        again = Secrets.embedded(tmp_path)
        assert (tokens_key(snapshot, again), vault_key(snapshot, again)) == made
        shutil.rmtree(tmp_path / "secrets")
        for key in (tokens_key, vault_key):
            with pytest.raises(SecretsError, match=r"the boundary-\w+ key of institution 'local' is missing: restore"):
                key(snapshot, Secrets.embedded(tmp_path))
    with database.snapshot("another") as snapshot:
        assert vault_key(snapshot, secrets) != made[1]
    database.close()
