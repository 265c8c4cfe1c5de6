"""Rotating an institution's data keys: a new version for what is written from now on, then all that was written before.

What is encrypted is read and written all the while. Killed at any point, doing it again goes on; until it is finished,
values under the old version stay readable, and afterwards its key is kept for backups that were made before.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from sakimori.access import Principal, data_keys
from sakimori.access.data_keys import Versions
from sakimori.core import InputError
from sakimori.gateway.keys import VAULT, vault_keys
from sakimori.gateway.providers.credentials import PURPOSE as PROVIDER_KEYS
from sakimori.ledger import new_entry
from sakimori.service.installation import Installation
from sakimori.store import Transaction, providers, vault
from sakimori.store.encrypted import DataKeys


class EncryptAnew(Protocol):
    """Puts the next rows behind ``after`` under the newest key: the last that was looked at, and how many changed."""

    def __call__(self, transaction: Transaction, keys: DataKeys, *, after: str) -> tuple[str | None, int]: ...


_UNDER: Mapping[str, EncryptAnew] = {VAULT: vault.encrypt_anew}
"""What is encrypted under the data keys of each purpose. Keys that sign, hash or make tokens are not among them."""


def rotate_data_keys(install: Installation, by: Principal, *, passed: Callable[[int], object]) -> dict[str, int]:
    """Rotate every data key of the institution, and that of the programme's providers where this install keeps keys
    for them. Returns how many values were encrypted anew, by purpose.

    Args:
        passed: told, group by group, how many more values are under the newest key.

    Raises:
        InputError: another process is rotating them.
        SecretsError: a key is missing or cannot be made.
        StoreError: a value cannot be decrypted; it and those behind it stay under the old key, and readable by it.
    """
    with install.secrets.rotating_alone():
        done = {purpose: _rotate(install, by, purpose, anew, passed) for purpose, anew in _UNDER.items()}
        with install.database.snapshot(providers.PROGRAMME) as snapshot:
            has_provider_keys = bool(providers.sealed_keys(snapshot))
        if has_provider_keys:
            done[PROVIDER_KEYS] = _rotate_provider_keys(install, by)
            passed(done[PROVIDER_KEYS])
        return done


def _rotate_provider_keys(install: Installation, by: Principal) -> int:
    """The programme's, of which there are few: at once. They are not the institution's, whose ledger tells of it."""
    with install.database.transaction(providers.PROGRAMME) as transaction:
        keys = data_keys.begin(transaction, install.secrets, PROVIDER_KEYS)
        changed = providers.encrypt_anew(transaction, keys)
        data_keys.finish(transaction, keys)
    with install.database.transaction(install.tenant) as transaction:
        _tell(install, transaction, by, "secrets.data_key_rotated", keys, {"values": changed})
    install.ledger.sequence(install.database, install.tenant)
    return changed


def _rotate(
    install: Installation, by: Principal, purpose: str, anew: EncryptAnew, passed: Callable[[int], object]
) -> int:
    with install.database.transaction(install.tenant) as transaction:
        vault_keys(transaction, install.secrets)
        unfinished = data_keys.current(transaction, install.secrets, purpose).rotating
        keys = data_keys.begin(transaction, install.secrets, purpose)
        if not unfinished:
            _tell(install, transaction, by, "secrets.data_key_rotation_begun", keys, {})
    changed, last = 0, ""
    while last is not None:
        with install.database.transaction(install.tenant) as transaction:
            _refuse_overtaken(transaction, install, keys)
            last, count = anew(transaction, keys, after=last)
        changed += count
        passed(count)
    with install.database.transaction(install.tenant) as transaction:
        _refuse_overtaken(transaction, install, keys)
        data_keys.finish(transaction, keys)
        _tell(install, transaction, by, "secrets.data_key_rotated", keys, {"values": changed})
    install.ledger.sequence(install.database, install.tenant)
    return changed


def _refuse_overtaken(transaction: Transaction, install: Installation, keys: Versions) -> None:
    """Another machine's lock is not ours: what it finished, and maybe began again, must not be taken back."""
    if data_keys.current(transaction, install.secrets, keys.purpose) != keys:
        raise InputError(
            f"another process finished the rotation of the {keys.purpose} key of '{install.tenant}' meanwhile: "
            "nothing is left to do"
        )


def _tell(
    install: Installation,
    transaction: Transaction,
    by: Principal,
    action: str,
    keys: Versions,
    detail: Mapping[str, object],
) -> None:
    entry = new_entry(
        transaction,
        at=install.clock.now(),
        actor=by.actor,
        action=action,
        subject=f"data-key:{keys.purpose}",
        detail={"version": keys.version, **detail},
    )
    install.ledger.append(transaction, entry)
