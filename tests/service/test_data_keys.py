"""Rotating data keys: whatever is read and written meanwhile, and wherever it is killed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sakimori.access import Principal, data_keys
from sakimori.access.secrets import Secrets, SecretsError
from sakimori.cli import cli
from sakimori.core import InputError, ManualClock, Settings
from sakimori.gateway.keys import VAULT, tokens_key, vault_keys
from sakimori.gateway.providers.credentials import PURPOSE, sealing_keys
from sakimori.service import Installation, installation
from sakimori.service.data_keys import rotate_data_keys
from sakimori.store import providers, vault
from sakimori.store.encrypted import version_of

OWNER = Principal("銀行", "owner", "owner", frozenset())
COUNT = 1_200
"""More than two groups of a rotation."""


@pytest.fixture
def install(home: Path, database_url: str) -> Iterator[Installation]:
    with installation(Settings(home=home, tenant="銀行", language="en", database=database_url), ManualClock(1)) as made:
        yield made


def keep(install: Installation, *numbers: int) -> None:
    with install.database.transaction("銀行") as transaction:
        tokens = {f"NAME_{number:05d}": f"山田 {number}" for number in numbers}
        assert vault.keep(transaction, vault_keys(transaction, install.secrets), tokens) == set()


def revealed(install: Installation, number: int) -> str | None:
    with install.database.snapshot("銀行") as snapshot:
        return vault.reveal(snapshot, vault_keys(snapshot, install.secrets), f"NAME_{number:05d}")


def versions(install: Installation) -> list[int]:
    with install.database.snapshot("銀行") as snapshot:
        rows = snapshot.connection.execute(snapshot.rows(vault.vault).order_by(vault.vault.c.token))
        return [version_of(row.sealed) for row in rows]


def test_everything_is_under_the_new_key_and_tokens_stay_what_they_were(install: Installation) -> None:
    with install.database.snapshot("銀行") as snapshot:
        token_key = tokens_key(snapshot, install.secrets)
    keep(install, *range(COUNT))
    groups: list[int] = []
    assert rotate_data_keys(install, OWNER, passed=groups.append) == {VAULT: COUNT}
    assert sum(groups) == COUNT
    assert max(groups) <= 500, "nobody waits for the whole of it"
    assert set(versions(install)) == {2}
    assert revealed(install, 7) == "山田 7"
    with install.database.snapshot("銀行") as snapshot:
        assert tokens_key(snapshot, Secrets.embedded(install.settings.home)) == token_key
        assert [line.entry.action for line in install.ledger.lines(snapshot)] == [
            "secrets.data_key_rotation_begun",
            "secrets.data_key_rotated",
        ]
    assert rotate_data_keys(install, OWNER, passed=groups.append) == {VAULT: COUNT}
    assert set(versions(install)) == {3}


def test_without_the_old_key_nothing_is_begun(install: Installation) -> None:
    keep(install, 1)
    (key,) = install.settings.home.rglob("boundary-vault.key")
    key.unlink()
    with installation(install.settings, install.clock) as other, pytest.raises(SecretsError, match="is missing"):
        rotate_data_keys(other, OWNER, passed=print)
    with install.database.snapshot("銀行") as snapshot:
        assert not data_keys.current(snapshot, install.secrets, VAULT).rotating


def test_who_reads_and_writes_meanwhile_notices_nothing_and_writes_under_the_new_key(install: Installation) -> None:
    keep(install, *range(COUNT))
    stop, written = threading.Event(), list(range(COUNT))

    def work() -> None:
        with installation(install.settings, install.clock) as other:
            while not stop.is_set():
                number = len(written)
                keep(other, number)
                assert revealed(other, number // 2) == f"山田 {number // 2}"
                written.append(number)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        rotate_data_keys(install, OWNER, passed=lambda _: None)
    finally:
        stop.set()
        worker.join()
    assert set(versions(install)) == {2}
    assert [revealed(install, number) for number in written[COUNT - 1 :]] == [f"山田 {n}" for n in written[COUNT - 1 :]]


def test_two_at_once_are_told_apart(install: Installation) -> None:
    keep(install, 1)
    busy = r"another process is rotating the data keys in .*: wait until it is done"
    with Secrets.embedded(install.settings.home).rotating_alone(), pytest.raises(InputError, match=busy):
        rotate_data_keys(install, OWNER, passed=print)
    assert versions(install) == [1]


def test_a_rotation_that_another_machine_finished_takes_nothing_back(install: Installation) -> None:
    keep(install, *range(COUNT))
    calls = 0

    def overtaken(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            with install.database.transaction("銀行") as transaction:
                known = data_keys.current(transaction, install.secrets, VAULT)
                data_keys.finish(transaction, known)
                data_keys.begin(transaction, install.secrets, VAULT)

    with pytest.raises(InputError, match="another process finished the rotation"):
        rotate_data_keys(install, OWNER, passed=overtaken)
    with install.database.snapshot("銀行") as snapshot:
        assert data_keys.current(snapshot, install.secrets, VAULT).version == 3
    assert rotate_data_keys(install, OWNER, passed=lambda _: None) == {VAULT: COUNT}
    assert set(versions(install)) == {3}


PROGRAM = """
import os, signal, sys
from pathlib import Path
from sakimori.access import Principal
from sakimori.core import ManualClock, Settings
from sakimori.service import installation
from sakimori.service.data_keys import rotate_data_keys
home, url, groups = sys.argv[1:]
left = [int(groups)]
def passed(count):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
with installation(Settings(home=Path(home), tenant="銀行", language="en", database=url), ManualClock(1)) as install:
    rotate_data_keys(install, Principal("銀行", "owner", "owner", frozenset()), passed=passed)
"""


def test_killed_in_the_middle_everything_is_readable_and_the_next_one_goes_on(
    install: Installation, database_url: str
) -> None:
    keep(install, *range(COUNT))
    command = [sys.executable, "-c", PROGRAM, str(install.settings.home), database_url, "2"]
    killed = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": "src"})
    assert killed.returncode == -signal.SIGKILL
    found = versions(install)
    assert set(found) == {1, 2}
    assert [revealed(install, number) for number in (0, COUNT - 1)] == ["山田 0", f"山田 {COUNT - 1}"]
    keep(install, COUNT)
    assert versions(install)[-1] == 2
    assert rotate_data_keys(install, OWNER, passed=lambda _: None) == {VAULT: found.count(1)}
    assert set(versions(install)) == {2}
    assert len([*install.settings.home.rglob("boundary-vault*.key")]) == 2, "one new key, not one for each attempt"


def test_stored_keys_of_providers_are_encrypted_anew_and_told_in_the_operators_ledger(install: Installation) -> None:
    with install.database.transaction(providers.PROGRAMME) as transaction:
        keys = sealing_keys(transaction, install.secrets)
        providers.keep_key(transaction, keys, "tokyo", "sk-tokyo", now=1)
    for version in (2, 3):
        assert rotate_data_keys(install, OWNER, passed=lambda _: None)[PURPOSE] == 1
        with install.database.snapshot(providers.PROGRAMME) as snapshot:
            sealed = providers.sealed_keys(snapshot)["tokyo"]
            assert version_of(sealed) == version
            assert providers.open_key(sealing_keys(snapshot, install.secrets), "tokyo", sealed) == "sk-tokyo"
    with install.database.snapshot("銀行") as snapshot:
        entries = [line.entry for line in install.ledger.lines(snapshot)]
    told = [entry.detail for entry in entries if entry.subject == f"data-key:{PURPOSE}"]
    assert told == [{"version": 2, "values": 1}, {"version": 3, "values": 1}]


def test_from_the_command_line(home: Path) -> None:
    made = installation(Settings.from_environment(), ManualClock(1))
    with made as install, install.database.transaction("local") as transaction:
        vault.keep(transaction, vault_keys(transaction, install.secrets), {"NAME_1": "山田"})
    result = CliRunner().invoke(cli, ["secrets", "rotate", "--data"], standalone_mode=False, catch_exceptions=False)
    assert result.stdout == "1 values of 'local' are under a new boundary-vault key.\n"
    with pytest.raises(InputError, match="--to names a master key"):
        CliRunner().invoke(
            cli, ["secrets", "rotate", "--data", "--to", "env:X"], standalone_mode=False, catch_exceptions=False
        )
    assert CliRunner().invoke(cli, ["secrets", "rotate"], standalone_mode=False, catch_exceptions=False).exit_code == 0
    with installation(Settings.from_environment(), ManualClock(1)) as again, again.database.snapshot("local") as seen:
        assert vault.reveal(seen, vault_keys(seen, again.secrets), "NAME_1") == "山田"
