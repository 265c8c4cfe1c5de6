import re
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.access import Principal, keys
from sakimori.access.secrets import Secrets, SecretsError
from sakimori.core import InputError, ManualClock
from sakimori.store import Database

NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


class World:
    def __init__(self, home: Path, database: Database) -> None:
        self.home = home
        self.database = database
        self.secrets = Secrets.embedded(home)
        self.clock = ManualClock(NOW)

    def issue(self, tenant: str = "local", lifetime: timedelta | None = None) -> tuple[keys.ServiceKey, str]:
        with self.database.transaction(tenant) as transaction:
            return keys.issue(
                transaction, self.secrets, name="ゲートウェイ", scopes=["a.b"], clock=self.clock, lifetime=lifetime
            )

    def who(self, plaintext: str) -> Principal | None:
        return keys.authenticate(self.database, self.secrets, plaintext, self.clock)


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(tmp_path, database)


def test_a_key_is_recognised_and_says_whose_it_is(world: World) -> None:
    key, plaintext = world.issue()
    assert re.fullmatch(r"sk-saki-[a-z2-7]+-[0-9A-Za-z]{48}", plaintext)
    who = world.who(plaintext)
    assert who is not None
    assert who == Principal(tenant="local", id=key.id, kind="key", scopes=frozenset({"a.b"}))
    assert who.actor == f"key:{key.id}"


@pytest.mark.parametrize("tenant", ["国 銀行", "A", "a/../b", "x" * 100])
def test_institutions_may_have_any_name(world: World, tenant: str) -> None:
    who = world.who(world.issue(tenant)[1])
    assert who is not None
    assert who.tenant == tenant


def test_what_is_stored_does_not_open_anything(world: World) -> None:
    key, plaintext = world.issue()
    secret = plaintext[-38:]
    world.database.close()
    for path in world.home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()
    assert secret not in repr(key)


def test_a_digest_made_without_the_secret_is_worth_nothing(world: World) -> None:
    """Who can write to the database, but has not the secrets, cannot make a key of their own."""
    _, plaintext = world.issue()
    other = Secrets.embedded(world.home / "other")
    other.provision("local", "service-keys")
    assert keys.authenticate(world.database, other, plaintext, world.clock) is None


def test_without_the_secret_nobody_is_let_in_and_no_other_is_made(world: World) -> None:
    _, plaintext = world.issue()
    lost = Secrets.embedded(world.home / "lost")
    missing = r"the service-keys key of institution 'local' is missing: restore .* from a backup"
    with pytest.raises(SecretsError, match=missing):
        keys.authenticate(world.database, lost, plaintext, world.clock)
    with world.database.transaction("local") as transaction, pytest.raises(SecretsError, match=missing):
        keys.issue(transaction, lost, name="n", scopes=["a.b"], clock=world.clock)
    assert not (world.home / "lost").exists()


def test_a_key_expires_at_its_time(world: World) -> None:
    _, plaintext = world.issue(lifetime=timedelta(seconds=10))
    world.clock.set(NOW + 10 * SECOND - 1)
    assert world.who(plaintext)
    world.clock.set(NOW + 10 * SECOND)
    assert world.who(plaintext) is None


def test_a_revoked_key_is_refused_at_once_by_another_process(world: World, database_url: str) -> None:
    key, plaintext = world.issue()
    other = World(world.home, Database.open(database_url))
    assert other.who(plaintext)
    with world.database.transaction("local") as transaction:
        revoked = keys.revoke(transaction, key.id, world.clock)
        world.clock.set(NOW + 5)
        assert keys.revoke(transaction, key.id, world.clock) == revoked
    assert revoked.revoked_at == NOW
    assert other.who(plaintext) is None
    other.database.close()


def test_keys_of_other_institutions_are_out_of_reach(world: World) -> None:
    key, plaintext = world.issue("a")
    with world.database.transaction("b") as transaction:
        with pytest.raises(InputError, match=f"institution 'b' has no key '{key.id}'"):
            keys.revoke(transaction, key.id, world.clock)
        assert keys.issued(transaction) == []
    with world.database.snapshot("a") as snapshot:
        assert keys.issued(snapshot) == [key]
    # The institution in the key is part of what its hash covers: a row copied to another one does not fit.
    with world.database.snapshot("a") as snapshot:
        row = dict(snapshot.connection.execute(snapshot.rows(keys.service_key)).mappings().one())
    with world.database.transaction("a") as transaction:
        transaction.connection.execute(transaction.delete(keys.service_key))
    with world.database.transaction("b") as transaction:
        transaction.insert(keys.service_key, [row])
    assert world.who(plaintext) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_a_mistyped_key_is_refused_without_making_secrets(world: World, data: st.DataObject) -> None:
    plaintext = world.issue()[1]
    place = data.draw(st.integers(0, len(plaintext) - 1))
    drawn = data.draw(st.sampled_from("aZ09-_ \n\0é"))
    char = "!" if drawn == plaintext[place] else drawn  # the key is random: a filter would not repeat itself
    before = sorted(world.home.rglob("*.key"))
    assert world.who(plaintext[:place] + char + plaintext[place + 1 :]) is None
    assert world.who(plaintext + char) is None
    assert world.who(plaintext[:place]) is None
    assert sorted(world.home.rglob("*.key")) == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.one_of(st.text(), st.from_regex(r"sk-saki-[a-z2-7]{1,40}-[0-9A-Za-z]{48}", fullmatch=True)))
def test_what_is_no_key_is_refused(world: World, text: str) -> None:
    assert world.who(text) is None


def test_a_well_formed_key_of_an_unknown_institution_makes_no_secret(world: World) -> None:
    foreign = World(world.home / "foreign", Database.embedded(world.home / "foreign"))
    plaintext = foreign.issue("bank-x")[1]
    foreign.database.close()
    before = sorted(world.home.rglob("*.key"))
    assert world.who(plaintext) is None
    assert sorted(world.home.rglob("*.key")) == before


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31mred", "x" * 201])
def test_a_name_that_cannot_be_shown_is_refused(world: World, name: str) -> None:
    with (
        world.database.transaction("local") as transaction,
        pytest.raises(InputError, match="1 to 200 printable characters"),
    ):
        keys.issue(transaction, world.secrets, name=name, scopes=[], clock=world.clock)


@pytest.mark.parametrize("scope", ["", "A", "a b", "*", "ａ", "a\n"])
def test_a_scope_is_a_plain_word(world: World, scope: str) -> None:
    with world.database.transaction("local") as transaction, pytest.raises(InputError, match="is no scope"):
        keys.issue(transaction, world.secrets, name="n", scopes=[scope], clock=world.clock)


def test_the_scopes_that_people_may_write_are_those_that_policies_know() -> None:
    policies = files("sakimori").joinpath("content/policies/access/keys.cedar").read_text("utf-8")
    known = set(re.findall(r'principal\.scopes\.contains\("([^"]+)"\)', policies))
    assert set(keys.SCOPES) == known | {"structured"}
    with pytest.raises(InputError, match="'gatewy' is no scope: use gateway, "):
        keys.refuse_unknown(["gateway", "gatewy"])
