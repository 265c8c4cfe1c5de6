"""Applying a grants file: what it says is so afterwards, once, whoever else applies and wherever it is cut off."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sakimori.access import Directory, Principal, Role, keys, people
from sakimori.access.rights import Denied, Rights
from sakimori.access.secrets import Secrets
from sakimori.core import InputError, ManualClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.programme import GrantsFile, Issued, Plan, Programme
from sakimori.records import Grant, GrantState, LedgerEntry
from sakimori.store import Database

NOW = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
BANK = "あおぞら銀行"
TEXT = f"""
institutions:
  - name: {BANK}
    sign_in: {{issuer: "https://login.aozora.example", client_id: c}}
    people:
      - {{name: 山田 太郎, identity: yamada, roles: [analyst]}}
      - {{name: 佐藤, identity: sato, roles: [lead]}}
    keys:
      - {{name: k, scopes: [gateway]}}
    grants:
      - name: g
        models: [m]
        purposes: [p]
        limits: {{day: {{tokens: 10, yen: 1}}}}
        from: 2026-01-01
        until: 2030-01-01
"""
OPERATOR = Principal("authority", "op", "person", frozenset(), frozenset({Role.AUTHORITY_OPERATOR}))


@dataclass
class World:
    database: Database
    secrets: Secrets
    clock: ManualClock

    def programme(self) -> Programme:
        return Programme(self.database, self.secrets, self.ledger(), Rights(), operator="authority", clock=self.clock)

    def ledger(self) -> Ledger:
        return Ledger(LocalSigner(self.secrets))

    def plan(self, text: str = TEXT, *, by: Principal = OPERATOR, prune: bool = False, restore: bool = False) -> Plan:
        return self.programme().plan(GrantsFile.parse(text, where="g"), by, prune=prune, restore=restore)

    def apply(self, text: str = TEXT, *, prune: bool = False, restore: bool = False) -> list[Issued]:
        issued: list[Issued] = []
        self.programme().apply(self.plan(text, prune=prune, restore=restore), OPERATOR, show=issued.extend)
        return issued

    def entries(self, tenant: str) -> list[LedgerEntry]:
        with self.database.snapshot(tenant) as snapshot:
            assert self.ledger().verify(snapshot).ok
            return [line.entry for line in self.ledger().lines(snapshot)]

    def opens(self, key: Issued) -> bool:
        return Directory(self.database, self.secrets, self.clock).authenticate(key.plaintext) is not None


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(database, Secrets.embedded(tmp_path), ManualClock(NOW))


def told(plan: Plan) -> set[tuple[str, str, str]]:
    return {(change.verb, change.kind, change.name) for change in plan.changes}


def test_planning_changes_nothing(world: World) -> None:
    plan = world.plan()
    assert plan.admitted == (BANK,)
    assert ("add", "key", "k") in told(plan)
    assert world.entries(BANK) == world.entries("authority") == []
    assert told(world.plan()) == told(plan)


def test_what_the_file_says_is_so_and_each_change_is_in_the_ledger(world: World) -> None:
    (key,) = world.apply()
    assert (key.institution, key.name) == (BANK, "k")
    assert world.opens(key)
    with world.database.snapshot(BANK) as snapshot:
        assert {person.name: person.roles for person in people.everyone(snapshot)} == {
            "山田 太郎": {Role.ANALYST},
            "佐藤": {Role.LEAD},
        }
        grant = snapshot.get(Grant, "g")
    assert grant is not None
    assert grant.limits[0].tokens == 10
    written = world.entries(BANK)
    assert {(entry.action, entry.subject) for entry in written} == {
        ("programme.sign_in_added", "sign_in:https://login.aozora.example"),
        ("programme.person_added", "person:山田 太郎"),
        ("programme.person_added", "person:佐藤"),
        ("programme.key_added", "key:k"),
        ("programme.grant_added", "grant:g"),
    }
    assert {entry.actor for entry in written} == {"person:op"}
    assert [entry.subject for entry in world.entries("authority")] == [f"institution:{BANK}"]
    for text in (key.plaintext, "yamada", "sato"):
        assert text not in repr(written)


def test_applying_again_changes_nothing(world: World) -> None:
    world.apply()
    before = len(world.entries(BANK))
    assert world.plan().is_empty
    assert world.apply() == []
    assert len(world.entries(BANK)) == before


def test_what_differs_is_changed_in_place(world: World) -> None:
    (key,) = world.apply()
    changed = TEXT.replace("[gateway]", "[gateway, structured]").replace("[analyst]", "[auditor]").replace("10,", "20,")
    assert told(world.plan(changed)) == {
        ("change", "key", "k"),
        ("change", "person", "山田 太郎"),
        ("change", "grant", "g"),
    }
    assert world.apply(changed) == []
    principal = Directory(world.database, world.secrets, world.clock).authenticate(key.plaintext)
    assert principal is not None
    assert principal.scopes == {"gateway", "structured"}
    assert world.plan(changed).is_empty


def test_a_grant_stays_proved_until_the_file_changes_it(world: World) -> None:
    world.apply()

    def state() -> GrantState:
        with world.database.snapshot(BANK) as snapshot:
            grant = snapshot.get(Grant, "g")
        assert grant is not None
        return grant.state

    def put(state: GrantState) -> None:
        with world.database.transaction(BANK) as transaction:
            grant = transaction.get(Grant, "g")
            assert grant is not None
            transaction.put(replace(grant, state=state, requested_by="person:someone"))

    assert state() is GrantState.PROVISIONED
    put(GrantState.READY)
    assert told(world.plan()) == set()
    world.apply(TEXT.replace("tokens: 10", "tokens: 11"))
    assert state() is GrantState.PROVISIONED
    put(GrantState.REQUESTED)
    assert told(world.plan(TEXT.replace("tokens: 10", "tokens: 11"))) == {("change", "grant", "g")}


def test_what_the_file_no_longer_names_stays_unless_it_is_pruned(world: World) -> None:
    (key,) = world.apply()
    less = f"institutions: [{{name: {BANK}, people: [{{name: 佐藤, identity: sato, roles: [lead]}}]}}]"
    assert world.plan(less).is_empty
    assert told(world.plan(less, prune=True)) == {
        ("remove", "key", "k"),
        ("remove", "person", "山田 太郎"),
        ("remove", "grant", "g"),
        ("remove", "sign_in", ""),
    }
    assert world.opens(key)
    world.apply(less, prune=True)
    assert not world.opens(key)
    assert world.plan(less, prune=True).is_empty


def test_an_institution_that_is_pruned_loses_all_it_has(world: World) -> None:
    (key,) = world.apply()
    other = "institutions: [{name: other}]"
    assert world.plan(other).dismissed == ()
    assert world.plan(other, prune=True).dismissed == (BANK,)
    world.apply(other, prune=True)
    assert not world.opens(key)
    assert world.plan(other, prune=True).is_empty


def test_what_was_revoked_comes_back_only_when_it_is_asked_for(world: World) -> None:
    (key,) = world.apply()
    programme = world.programme()
    programme.revoke("key", "k", BANK, OPERATOR, reason="lost")
    programme.revoke("person", "佐藤", BANK, OPERATOR, reason="left")
    programme.revoke("grant", "g", BANK, OPERATOR, reason="misused")
    assert not world.opens(key)
    assert world.entries(BANK)[-1].detail["reason"] == "misused"
    assert world.plan().is_empty
    stays = {("stays_revoked", "key", "k"), ("stays_revoked", "person", "佐藤"), ("stays_revoked", "grant", "g")}
    assert told(world.plan()) == stays
    assert world.apply() == []
    (again,) = world.apply(restore=True)
    assert world.opens(again)
    assert not world.opens(key)
    assert told(world.plan()) == set()


def test_revoking_an_institution_takes_everything_away(world: World) -> None:
    (key,) = world.apply()
    world.programme().revoke("institution", BANK, BANK, OPERATOR, reason="left the programme")
    assert not world.opens(key)
    assert Directory(world.database, world.secrets, world.clock).person(BANK, "sato") is None
    with pytest.raises(InputError, match="has no institution 'nobody'"):
        world.programme().revoke("institution", "nobody", "nobody", OPERATOR, reason="r")
    with pytest.raises(InputError, match="has no person '佐藤さん' that could be revoked"):
        world.programme().revoke("person", "佐藤さん", BANK, OPERATOR, reason="r")


def test_what_is_gone_is_not_revoked_again(world: World) -> None:
    """A second entry would say that somebody left twice."""
    world.apply()
    for kind, name in (("person", "佐藤"), ("grant", "g"), ("key", "k")):
        world.programme().revoke(kind, name, BANK, OPERATOR, reason="r")
        before = world.entries(BANK)
        with pytest.raises(InputError, match=f"has no {kind} '{name}' that could be revoked"):
            world.programme().revoke(kind, name, BANK, OPERATOR, reason="r")
        assert world.entries(BANK) == before


def test_a_revoked_institution_stays_so_with_all_that_the_file_says_of_it(world: World) -> None:
    world.apply()
    world.programme().revoke("institution", BANK, BANK, OPERATOR, reason="left the programme")
    assert world.entries("authority")[-1].detail == {"reason": "left the programme"}
    more = TEXT.replace("    keys:", "      - {name: new, identity: new, roles: [lead]}\n    keys:")
    plan = world.plan(more)
    assert plan.is_empty
    assert told(plan) == {("stays_revoked", "institution", BANK)}
    assert world.apply(more) == []
    assert Directory(world.database, world.secrets, world.clock).person(BANK, "new") is None
    assert world.plan(more, restore=True).admitted == (BANK,)
    (again,) = world.apply(more, restore=True)
    assert world.opens(again)


def test_an_institution_that_could_not_be_taken_away_wholly_is_planned_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = world.apply()
    other = "institutions: [{name: other}]"
    with monkeypatch.context() as interrupted:
        interrupted.setattr(keys, "revoke", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            world.apply(other, prune=True)
        with pytest.raises(KeyboardInterrupt):
            world.programme().revoke("institution", BANK, BANK, OPERATOR, reason="r")
    assert world.opens(key)
    assert world.plan(other, prune=True).dismissed == (BANK,)
    world.apply(other, prune=True)
    assert not world.opens(key)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_whom_a_sign_in_lets_in_is_planned_and_in_the_ledger(world: World) -> None:
    """Without `require`, whoever has an account at a shared provider comes in: nobody may overlook that it went."""
    asked = TEXT.replace("client_id: c}", "client_id: c, require: {bank: aozora}, role_claim: g, roles: {x: lead}}")
    world.apply(asked)
    (change,) = world.plan().changes
    assert (change.kind, change.verb) == ("sign_in", "change")
    assert change.detail["require"] == {}
    assert change.detail["role_claim"] is None
    entry = next(entry for entry in world.entries(BANK) if entry.action == "programme.sign_in_added")
    assert (entry.detail["require"], entry.detail["roles"]) == ({"bank": "aozora"}, {"x": "lead"})


def test_two_who_apply_the_same_at_once_make_it_once(world: World) -> None:
    plans = [world.plan() for _ in range(4)]
    issued: list[Issued] = []
    threads = [
        threading.Thread(target=world.programme().apply, args=(plan, OPERATOR), kwargs={"show": issued.extend})
        for plan in plans
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(issued) == 1
    assert len(world.entries(BANK)) == 5


def test_a_plan_that_somebody_overtook_is_not_carried_out(world: World) -> None:
    world.apply()
    plan = world.plan(TEXT.replace("10,", "20,"))
    world.programme().revoke("grant", "g", BANK, OPERATOR, reason="r")
    with pytest.raises(InputError, match="was changed by somebody else since it was planned"):
        world.programme().apply(plan, OPERATOR, show=lambda _: None)
    with world.database.snapshot(BANK) as snapshot:
        grant = snapshot.get(Grant, "g")
    assert grant is not None
    assert grant.revoked


def test_a_key_that_nobody_could_be_shown_was_never_issued(world: World) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        world.programme().apply(world.plan(), OPERATOR, show=full)
    assert world.entries(BANK) == []
    assert len(world.apply()) == 1


def test_identities_may_change_hands_where_it_is_clear_who_has_them(world: World) -> None:
    world.apply()
    swapped = TEXT.replace("identity: sato", "identity: yamada").replace(
        "identity: yamada, roles: [analyst]", "identity: new, roles: [analyst]"
    )
    world.apply(swapped)
    person = Directory(world.database, world.secrets, world.clock).person(BANK, "yamada")
    assert person is not None
    assert person.name == "佐藤"
    stolen = f"institutions: [{{name: {BANK}, people: [{{name: x, identity: yamada, roles: []}}]}}]"
    with pytest.raises(InputError, match="the identity of 'x' is that of '佐藤' at this time"):
        world.plan(stolen)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AUTHORITY_OPERATOR])
def test_only_operators_admit_institutions(world: World, role: Role) -> None:
    by = Principal(BANK, "x", "person", frozenset(), frozenset({role}))
    with pytest.raises(Denied, match="may not manage_institutions"):
        world.plan(by=by)


def test_admins_manage_their_own_institution_and_make_no_operators(world: World) -> None:
    world.apply()
    admin = Principal(BANK, "x", "person", frozenset(), frozenset({Role.INSTITUTION_ADMIN}))
    assert told(world.plan(TEXT.replace("[analyst]", "[auditor]"), by=admin)) == {("change", "person", "山田 太郎")}
    with pytest.raises(Denied, match="may not manage_institutions"):
        world.plan(TEXT.replace("[analyst]", "[authority_operator]"), by=admin)
    with pytest.raises(Denied, match="may not manage_grants"):
        world.plan(TEXT.replace("10,", "20,"), by=admin)
    with pytest.raises(Denied, match="may not manage_people"):
        world.programme().revoke(
            "person", "佐藤", BANK, Principal("other", "x", "person", frozenset(), admin.roles), reason="r"
        )
    with pytest.raises(Denied, match="may not manage_institutions"):
        world.programme().revoke("institution", BANK, BANK, admin, reason="r")
