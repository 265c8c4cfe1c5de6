from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sakimori.store import Database, StoreError, vault
from sakimori.store.encrypted import MAGIC, Cipher, version_of


@dataclass(frozen=True)
class Keys:
    version: int = 1
    seed: bytes = b"v"

    def key(self, version: int) -> bytes:
        return self.seed * 28 + version.to_bytes(4)


KEYS = Keys()


def test_the_vault_gives_back_what_tokens_stand_for_and_shows_it_to_nobody(database: Database, tmp_path: Path) -> None:
    with database.transaction("aozora") as transaction:
        assert vault.keep(transaction, KEYS, {"HOST_0AAAAAAAAA00": "pc-0412\ud800"}) == set()
    with database.snapshot("aozora") as snapshot:
        assert vault.reveal(snapshot, KEYS, "HOST_0AAAAAAAAA00") == "pc-0412\ud800"
        assert vault.reveal(snapshot, KEYS, "HOST_0BBBBBBBBB00") is None
        with pytest.raises(StoreError, match="cannot be opened"):
            vault.reveal(snapshot, Keys(seed=b"w"), "HOST_0AAAAAAAAA00")
    with database.snapshot("other") as snapshot:
        assert vault.reveal(snapshot, KEYS, "HOST_0AAAAAAAAA00") is None
    database.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"pc-0412" in path.read_bytes()]


def test_a_token_keeps_the_value_it_first_had(database: Database) -> None:
    with database.transaction("aozora") as transaction:
        vault.keep(transaction, KEYS, {"A": "1"})
        assert vault.keep(transaction, KEYS, {"A": "2", "B": "3"}) == {"A"}
        assert vault.keep(transaction, KEYS, {"A": "1", "B": "3"}) == set()
        assert vault.reveal(transaction, KEYS, "A") == "1"


def test_values_of_the_first_sakimori_are_read_and_encrypted_anew(database: Database) -> None:
    """They have no header: nonce, ciphertext, tag."""
    nonce = b"n" * 12
    old = nonce + AESGCM(KEYS.key(1)).encrypt(nonce, "山田".encode(), b"aozora\0NAME_1")
    with database.transaction("aozora") as transaction:
        transaction.insert(vault.vault, [{"token": "NAME_1", "sealed": old}])
        vault.keep(transaction, KEYS, {"NAME_2": "佐藤"})
        assert vault.encrypt_anew(transaction, KEYS, after="") == ("NAME_2", 0)
        assert vault.encrypt_anew(transaction, Keys(2), after="") == ("NAME_2", 2)
        assert vault.encrypt_anew(transaction, Keys(2), after="") == ("NAME_2", 0)
        assert vault.encrypt_anew(transaction, Keys(2), after="NAME_2") == (None, 0)
        assert vault.reveal(transaction, Keys(2), "NAME_1") == "山田"
        rows = transaction.connection.execute(transaction.rows(vault.vault)).all()
    assert {version_of(row.sealed) for row in rows} == {2}


def test_one_row_that_cannot_be_opened_stops_a_rotation_before_it_changes_any(database: Database) -> None:
    with database.transaction("aozora") as transaction:
        vault.keep(transaction, KEYS, {"A": "1"})
        transaction.insert(vault.vault, [{"token": "B", "sealed": bytes(40)}])
        with pytest.raises(StoreError, match="the token vault of 'aozora' cannot be opened"):
            vault.encrypt_anew(transaction, Keys(2), after="")
        assert vault.reveal(transaction, KEYS, "A") == "1"


@given(value=st.binary(max_size=200), bound=st.binary(max_size=40), at=st.integers(0), version=st.integers(1, 200))
def test_no_byte_of_an_encrypted_value_can_be_changed(value: bytes, bound: bytes, at: int, version: int) -> None:
    sealed = Cipher(Keys(version)).encrypt(value, bound=bound)
    assert sealed.startswith(MAGIC)
    assert version_of(sealed) == version
    assert Cipher(Keys(1)).decrypt(sealed, bound=bound) == value, "the value says under which version it is"
    changed = bytearray(sealed)
    changed[at % len(sealed)] ^= 1
    for other, place in ((bytes(changed), bound), (sealed, bound + b"x"), (sealed[:-1], bound)):
        with pytest.raises(InvalidTag):
            Cipher(Keys(version)).decrypt(other, bound=place)
