"""Recognising keys and people from memory: quickly, and never more than a second after they lost their rights."""

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from sakimori.access import Directory, Role, epoch, keys, people
from sakimori.access.people import Person
from sakimori.access.secrets import Secrets
from sakimori.core import InputError, ManualClock, SystemClock
from sakimori.store import Database, StoreError

NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
BANK = "あおぞら銀行"


class World:
    def __init__(self, home: Path, database: Database) -> None:
        self.database = database
        self.secrets = Secrets.embedded(home)
        self.clock = ManualClock(NOW)
        self.directory = Directory(database, self.secrets, self.clock)

    def issue(self, tenant: str = BANK, lifetime: timedelta | None = None) -> tuple[str, str]:
        with self.database.transaction(tenant) as transaction:
            key, plaintext = keys.issue(
                transaction, self.secrets, name="n", scopes=["gateway"], clock=self.clock, lifetime=lifetime
            )
        return key.id, plaintext

    def revoke(self, key_id: str) -> None:
        with self.database.transaction(BANK) as transaction:
            keys.revoke(transaction, key_id, self.clock)

    def knows(self, plaintext: str) -> bool:
        return self.directory.authenticate(plaintext) is not None


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(tmp_path, database)


def yamada(name: str = "山田 太郎", removed_at: int | None = None) -> Person:
    return Person(BANK, name, "yamada@aozora.example", frozenset({Role.ANALYST}), (), NOW, removed_at)


def test_a_key_is_recognised_again_without_asking_the_database(world: World) -> None:
    key_id, plaintext = world.issue()
    assert world.directory.known(plaintext) is None
    first = world.directory.authenticate(plaintext)
    assert first is not None
    assert (first.tenant, first.id, first.scopes) == (BANK, key_id, frozenset({"gateway"}))
    assert world.directory.known(plaintext) == first
    world.database.close()
    assert world.directory.authenticate(plaintext) == first


def test_what_another_process_revoked_opens_nothing_within_a_second(world: World) -> None:
    key_id, plaintext = world.issue()
    assert world.knows(plaintext)
    world.revoke(key_id)
    world.clock.set(NOW + SECOND)
    assert not world.knows(plaintext)


def test_memory_is_asked_again_after_half_a_second_and_kept_where_nothing_changed(world: World) -> None:
    _, plaintext = world.issue()
    assert world.knows(plaintext)
    for moment in range(1, 5):
        world.clock.set(NOW + moment * SECOND)
        assert world.directory.known(plaintext) is None
        assert world.knows(plaintext)
        assert world.directory.known(plaintext) is not None


def test_expiry_counts_from_memory_too(world: World) -> None:
    _, plaintext = world.issue(lifetime=timedelta(milliseconds=100))
    assert world.knows(plaintext)
    world.clock.set(NOW + SECOND // 10)
    assert world.directory.known(plaintext) is None
    assert not world.knows(plaintext)


def test_a_clock_that_is_set_back_makes_nothing_last_longer(world: World) -> None:
    key_id, plaintext = world.issue()
    assert world.knows(plaintext)
    world.revoke(key_id)
    world.clock.set(NOW - 3600 * SECOND)
    assert not world.knows(plaintext)


def test_a_key_with_another_secret_part_is_not_the_key_that_memory_has(world: World) -> None:
    key_id, plaintext = world.issue()
    assert world.knows(plaintext)
    _, other = world.issue()
    mixed = plaintext[: plaintext.index(key_id) + 10] + other[-38:]
    assert not world.knows(mixed)
    assert not world.knows(plaintext[:-1] + ("a" if plaintext[-1] != "a" else "b"))


def test_keys_of_other_institutions_are_not_touched_by_a_change(world: World) -> None:
    _, ours = world.issue()
    key_id, theirs = world.issue("other")
    assert world.knows(ours)
    assert world.knows(theirs)
    world.revoke(world.issue()[0])
    world.clock.set(NOW + SECOND)
    assert world.knows(ours)
    principal = world.directory.authenticate(theirs)
    assert principal is not None
    assert (principal.tenant, principal.id) == ("other", key_id)


def test_a_rotated_key_works_beside_its_successor_until_the_overlap_ends(world: World) -> None:
    key_id, old = world.issue(lifetime=timedelta(days=90))
    with world.database.transaction(BANK) as transaction:
        made, new, left = keys.rotate(transaction, world.secrets, key_id, clock=world.clock, overlap=timedelta(hours=1))
    assert left.expires_at == NOW + 3600 * SECOND
    assert made.expires_at == NOW + 90 * 86_400 * SECOND
    assert (made.name, made.scopes) == (left.name, left.scopes)
    assert world.knows(old)
    assert world.knows(new)
    world.clock.set(NOW + 3600 * SECOND)
    assert not world.knows(old)
    assert world.knows(new)


def test_an_overlap_makes_no_key_live_longer_and_none_is_made_of_a_dead_one(world: World) -> None:
    key_id, _ = world.issue(lifetime=timedelta(minutes=1))
    with world.database.transaction(BANK) as transaction:
        left = keys.rotate(transaction, world.secrets, key_id, clock=world.clock, overlap=timedelta(days=1))[2]
    assert left.expires_at == NOW + 60 * SECOND
    world.revoke(key_id)
    with (
        pytest.raises(InputError, match="no longer works"),
        world.database.transaction(BANK) as transaction,
    ):
        keys.rotate(transaction, world.secrets, key_id, clock=world.clock, overlap=timedelta(days=1))


def test_a_person_who_is_removed_is_nobody_within_a_second(world: World) -> None:
    with world.database.transaction(BANK) as transaction:
        people.put(transaction, yamada())
    assert world.directory.person(BANK, "yamada@aozora.example") == yamada()
    assert world.directory.person("other", "yamada@aozora.example") is None
    with world.database.transaction(BANK) as transaction:
        people.remove(transaction, "山田 太郎", now=NOW)
    world.clock.set(NOW + SECOND)
    assert world.directory.person(BANK, "yamada@aozora.example") is None


def test_one_identity_is_one_person(world: World) -> None:
    with world.database.transaction(BANK) as transaction:
        people.put(transaction, yamada())
    with (
        pytest.raises(InputError, match="belongs to '山田 太郎' of institution 'あおぞら銀行' already"),
        world.database.transaction(BANK) as transaction,
    ):
        people.put(transaction, yamada("佐藤"))
    with world.database.transaction(BANK) as transaction:
        people.remove(transaction, "山田 太郎", now=NOW)
        people.put(transaction, yamada("佐藤"))


def test_a_database_that_is_gone_lets_nobody_in(tmp_path: Path) -> None:
    database = Database.embedded(tmp_path)
    world = World(tmp_path, database)
    _, plaintext = world.issue()
    assert world.knows(plaintext)
    (tmp_path / "sakimori.db").rename(tmp_path / "away.db")
    world.clock.set(NOW + SECOND)
    with pytest.raises(StoreError):
        world.knows(plaintext)
    database.close()


def test_a_database_restored_to_yesterday_is_a_change(tmp_path: Path) -> None:
    """Keys that were issued since open nothing, although the count of changes may be the same again."""
    database = Database.embedded(tmp_path)
    world = World(tmp_path, database)
    world.issue()
    with world.database.transaction(BANK) as transaction:
        yesterday = transaction.connection.execute(transaction.rows(keys.service_key)).mappings().all()
        then = epoch.current(transaction)
    _, since = world.issue()
    assert world.knows(since)
    with world.database.transaction(BANK) as transaction:
        transaction.connection.execute(transaction.delete(keys.service_key))
        transaction.insert(keys.service_key, [dict(row) for row in yesterday])
        transaction.replace(epoch.access_epoch, [{"epoch": then}])
    world.clock.set(NOW + SECOND)
    assert not world.knows(since)
    database.close()


_OTHER_PROCESS = """
import sys, time
from pathlib import Path
from sakimori.access import Directory
from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.store import Database
directory = Directory(Database.open(sys.argv[1]), Secrets.embedded(Path(sys.argv[2])), SystemClock())
key = sys.stdin.readline().strip()
print(directory.authenticate(key) is not None, flush=True)
while directory.authenticate(key) is not None:
    time.sleep(0.001)
print(time.time_ns(), flush=True)
"""


def test_revoking_takes_effect_in_a_busy_process_within_a_second(tmp_path: Path, database_url: str) -> None:
    """The other process looks the key up all the time, from its memory; wall clock, as users have it."""
    database = Database.open(database_url)
    secrets, clock = Secrets.embedded(tmp_path), SystemClock()
    with database.transaction(BANK) as transaction:
        key, plaintext = keys.issue(transaction, secrets, name="n", scopes=["gateway"], clock=clock)
    arguments = [sys.executable, "-c", _OTHER_PROCESS, database_url, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write(plaintext + "\n")
        other.stdin.flush()
        assert other.stdout.readline() == "True\n"
        with database.transaction(BANK) as transaction:
            keys.revoke(transaction, key.id, clock)
        revoked = clock.now()
        assert int(other.stdout.readline()) - revoked < SECOND
    database.close()


def test_threads_that_look_up_while_keys_change_never_bring_a_revoked_one_back(world: World) -> None:
    """What was read before a change must not be kept as if it had been read after it."""
    for _ in range(10):
        key_id, plaintext = world.issue()
        stop = threading.Event()

        def look(key: str, stop: threading.Event) -> None:
            while not stop.is_set():
                world.clock.set(world.clock.now() + SECOND)
                world.knows(key)

        threads = [threading.Thread(target=look, args=(plaintext, stop)) for _ in range(3)]
        for thread in threads:
            thread.start()
        world.revoke(key_id)
        stop.set()
        for thread in threads:
            thread.join()
        world.clock.set(world.clock.now() + SECOND)
        assert not world.knows(plaintext)
        assert world.directory.known(plaintext) is None
