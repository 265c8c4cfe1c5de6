"""A programme of many institutions: what each of them costs, and where applying it is cut off."""

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from tests.postgres_cluster import Cluster
from tests.programme.test_apply import NOW, OPERATOR, World

from sakimori.access import Directory
from sakimori.access.secrets import Secrets
from sakimori.core import InputError, ManualClock
from sakimori.programme import Issued
from sakimori.store import Database


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(database, Secrets.embedded(tmp_path), ManualClock(NOW))


def many(count: int) -> str:
    """A file of so many institutions, each with a way to sign in, a person, a key and a grant."""
    return "institutions:\n" + "".join(
        f"- name: 第{number}銀行\n"
        '  sign_in: {issuer: "https://login.aozora.example", client_id: c}\n'
        f"  people: [{{name: 山田, identity: y{number}, roles: [lead]}}]\n"
        "  keys: [{name: k, scopes: [gateway]}]\n"
        "  grants:\n  - {name: g, models: [m], purposes: [p], limits: {day: {tokens: 10, yen: 1}},"
        " from: 2026-01-01, until: 2030-01-01}\n"
        for number in range(count)
    )


@contextmanager
def counted() -> Generator[Counter[str]]:
    """Statements and commits while this lasts."""
    found: Counter[str] = Counter()

    def executed(*_: object) -> None:
        found["statements"] += 1

    def committed(_: object) -> None:
        found["commits"] += 1

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
        event.remove(Engine, "commit", committed)


def test_what_an_institution_costs_does_not_grow_with_their_number(world: World) -> None:
    """So many statements each, and far fewer commits than institutions: each commit waits for the disk."""
    costs: list[Counter[str]] = []
    for count in (100, 300):
        with counted() as cost:
            plan = world.plan(many(count))
            world.programme().apply(plan, OPERATOR, show=lambda _: None)
        costs.append(cost)
    added = {what: costs[1][what] - costs[0][what] for what in costs[0]}
    assert added["statements"] <= 200 * 45, "45 statements for each institution that was added"
    assert costs[0]["statements"] <= 100 * 45 + 50
    assert costs[1]["commits"] <= 200 / 50 + 3
    assert world.plan(many(300)).is_empty


def test_interrupted_it_is_gone_on_with_and_nobody_is_done_twice(world: World) -> None:
    text, shown, moved = many(120), list[Issued](), list[int]()

    def cut_off(keys: Sequence[Issued]) -> None:
        if shown:
            raise KeyboardInterrupt
        shown.extend(keys)

    with pytest.raises(KeyboardInterrupt):
        world.programme().apply(world.plan(text), OPERATOR, show=cut_off, passed=moved.append)
    assert sum(moved) == len(shown) == 50
    left = world.plan(text)
    assert left.admitted == ()
    assert len({change.institution for change in left.changes}) == 70
    shown += world.apply(text)
    assert len(shown) == len({key.institution for key in shown}) == 120
    assert all(world.opens(key) for key in shown)
    assert len(world.entries("authority")) == 120
    assert {len(world.entries(key.institution)) for key in (shown[0], shown[49], shown[50], shown[119])} == {4}


def test_what_somebody_overtook_in_a_group_leaves_those_before_it_kept(world: World) -> None:
    text = many(10)
    world.apply(text)
    plan = world.plan(text.replace("tokens: 10", "tokens: 20"))
    world.programme().revoke("grant", "g", "第4銀行", OPERATOR, reason="r")
    with pytest.raises(InputError, match=r"'第4銀行' was changed by somebody else .* 4 of 10 institutions are as"):
        world.programme().apply(plan, OPERATOR, show=lambda _: None)
    changed = world.plan(text.replace("tokens: 10", "tokens: 20"))
    assert len({change.institution for change in changed.changes if change.verb == "change"}) == 5


@pytest.mark.services
def test_hundreds_of_institutions_are_applied_looked_up_and_sealed(tmp_path: Path, cluster: Cluster) -> None:
    """What services do with many: recognise each one's key, and tell that their ledgers are whole."""
    database = Database.open(cluster.url(cluster.emptied()))
    world = World(database, Secrets.embedded(tmp_path), ManualClock(NOW))
    text = many(500)
    issued = world.apply(text)
    assert world.plan(text).is_empty
    directory = Directory(database, world.secrets, world.clock)
    for key in issued:
        found = directory.authenticate(key.plaintext)
        assert found is not None
        assert found.tenant == key.institution
    with database.snapshots([key.institution for key in issued]) as each:
        for snapshot in each:
            checked = world.ledger().verify(snapshot)
            assert (checked.ok, checked.leaves, checked.pending) == (True, 4, 0)
    assert len(world.entries("authority")) == 500
    database.close()
