"""No statement on a table may lack the institution whose rows it is about.

A listener looks at each statement of every test (tests/conftest.py). Here a tour through everything that reads or
writes tables makes sure that none is left out.
"""

import ast
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Insert, Select, Table, bindparam, select, update
from tests.scoping import Unscoped, check, walk, watching

from sakimori import access, ledger, store
from sakimori.access import Directory, Role, data_keys, keys, members, people, sign_in
from sakimori.access.secrets import Secrets
from sakimori.core import ManualClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import (
    Action,
    Command,
    DataClass,
    Decision,
    Entity,
    EntityType,
    Execution,
    Grant,
    GrantState,
    LedgerEntry,
    Limit,
    Ruling,
    Source,
    Step,
    StepState,
    Window,
)
from sakimori.store import (
    Database,
    budgets,
    detection,
    dictionaries,
    evidence,
    journal,
    lease,
    oversight,
    providers,
    usage,
    vault,
)
from sakimori.store.prepared import Prepared
from sakimori.store.schema import metadata

TENANT = "銀行"


def source() -> Source:
    return Source(tenant=TENANT, digest="ab" * 32, path="p", format="evtx", size=1)


def entry() -> LedgerEntry:
    return LedgerEntry(id="le-1", tenant=TENANT, time=1, actor="service:test", action="a.b", subject="s", detail={})


def documents(world: SimpleNamespace) -> None:
    with world.database.transaction(TENANT) as transaction:
        transaction.put(source())
        transaction.get(Source, source().id)
        transaction.all(Source, newest_first=True, limit=3)
        transaction.find_source("ab" * 12)


def raw_records(world: SimpleNamespace) -> None:
    with world.database.transaction(TENANT) as transaction:
        evidence.put_raw(transaction, "ev-1", b"raw")
        evidence.get_raw(transaction, "ev-1")


def service_keys(world: SimpleNamespace) -> None:
    clock = ManualClock(1)
    with world.database.transaction(TENANT) as transaction:
        key, plaintext = keys.issue(transaction, world.secrets, name="n", scopes=["a.b"], clock=clock)
    assert keys.authenticate(world.database, world.secrets, plaintext, clock)
    with world.database.transaction(TENANT) as transaction:
        keys.revoke(transaction, key.id, clock)
        keys.issued(transaction)


def log(world: SimpleNamespace) -> None:
    written = Ledger(LocalSigner(world.secrets))
    for _ in range(2):
        with world.database.transaction(TENANT) as transaction:
            written.append(transaction, entry(), entry())
            written.seal(transaction)
            written.append(transaction, entry())
    with world.database.snapshot(TENANT) as snapshot:
        assert written.verify(snapshot, anchor=written.checkpoint(snapshot)).ok
        assert list(written.lines(snapshot, newest=3))


def spending(world: SimpleNamespace) -> None:
    grant = Grant(
        id="gr-1",
        tenant=TENANT,
        state=GrantState.READY,
        models=("m",),
        purposes=("p",),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.DAY, tokens=100, yen=Decimal(10)),),
        not_before=0,
        not_after=10**18,
    )
    amount = budgets.Amount(tokens=10, yen=Decimal(1))
    with world.database.transaction(TENANT) as transaction:
        held = [
            budgets.reserve(transaction, grant, model="m", upper=amount, now=1, lifetime=timedelta(seconds=1))
            for _ in range(2)
        ]
        budgets.settle(transaction, held[0].id, amount)
        assert budgets.expire(transaction, now=10**10) == 1
        assert budgets.used(transaction, grant.id, Window.DAY, now=1).tokens == amount.tokens
        assert len(budgets.reservations(transaction, grant.id)) == 2


def counting(world: SimpleNamespace) -> None:
    with world.database.transaction(TENANT) as transaction:
        usage.count(transaction, now=1, outcome=usage.Outcome.ANSWERED, model="m", input_tokens=3, yen=Decimal("0.5"))
        assert [used.calls for used in usage.between(transaction, date(1970, 1, 1), date(1970, 1, 1))] == [1]


def watching_a_provider(world: SimpleNamespace) -> None:
    with world.database.transaction(TENANT) as transaction:
        assert oversight.position(transaction, "audit") is None
        oversight.advance(transaction, "audit", 5)
        oversight.note(transaction, kind="alert", id="a-1", now=1)
        (found,) = oversight.waiting(transaction, limit=3)
        oversight.take(transaction, found, now=2)
        assert not oversight.waiting(transaction, limit=3)


def tokens(world: SimpleNamespace) -> None:
    with world.database.transaction(TENANT) as transaction:
        world.secrets.provision(TENANT, "vault")
        for _ in range(2):
            made = data_keys.begin(transaction, world.secrets, "vault")
            assert vault.keep(transaction, made, {"t1": "山田", "t2": "佐藤"}) == set()
            assert vault.keep(transaction, made, {"t1": "別人"}) == {"t1"}
            assert vault.encrypt_anew(transaction, made, after="")[0] == "t2"
            assert vault.reveal(transaction, made, "t1") == "山田"
            data_keys.finish(transaction, made)


def responses(world: SimpleNamespace) -> None:
    host = Entity(type=EntityType.HOST, value="h")
    action = Action(
        tenant=TENANT, command=Command.ISOLATE_HOST, target=host, connector="c", incident_id="in-1", parameters={}
    )
    step = Step(
        number=0,
        playbook_step="s",
        action=action,
        decision=Decision(ruling=Ruling.ALLOW, policies=("p",), reason="r", reason_ja="理由"),
        state=StepState.PENDING,
        detail="",
        updated_at=1,
    )
    execution = Execution(
        id="ex-1", tenant=TENANT, plan_id="pl-1", incident_id="in-1", dry_run=False, started_at=1, steps=(step,)
    )
    with world.database.transaction(TENANT) as transaction:
        journal.begin(transaction, execution)
        moved = journal.move(
            transaction, "ex-1", 0, expected=StepState.PENDING, to=StepState.STARTED, now=2, detail="going"
        )
        assert moved is not None
        assert len(journal.orphans(transaction, now=3)) == 1
        assert len(journal.standing(transaction, now=3).contacts) == 1


def live_detection(world: SimpleNamespace) -> None:
    with world.database.transaction(TENANT) as transaction:
        detection.put_state(transaction, {"a": b"1", "b": b"2"})
        detection.put_state(transaction, {"a": None})
        detection.put_read(transaction, [source()])
        assert detection.get_state(transaction) == {"b": b"2"}
        assert detection.last_read(transaction, "p") == source()


def programme(world: SimpleNamespace) -> None:
    clock = ManualClock(1)
    directory = Directory(world.database, world.secrets, clock)
    yamada = people.Person(TENANT, "山田", "yamada", frozenset({Role.LEAD}), (), 1)
    provider = sign_in.SignIn("https://idp.example", "c", "c", "sub", {}, None, {})
    with world.database.transaction(TENANT) as transaction:
        members.add(transaction, ["銀行"], now=1)
        members.remove(transaction, "銀行", now=2)
        people.put(transaction, yamada)
        sign_in.put(transaction, provider)
        key, _ = keys.issue(transaction, world.secrets, name="n", scopes=["a.b"], clock=clock)
        keys.rescope(transaction, key.id, ["c"])
        keys.rotate(transaction, world.secrets, key.id, clock=clock, overlap=timedelta(hours=1))
    assert directory.person(TENANT, "yamada") == yamada
    assert directory.sign_in(TENANT) == provider
    with world.database.transaction(TENANT) as transaction:
        people.remove(transaction, "山田", now=2)
        assert len(people.everyone(transaction)) == 1


def taking_turns(world: SimpleNamespace) -> None:
    with world.database.transaction(TENANT) as transaction:
        mine = lease.take(transaction, holder="one", place="here", now=1, until=5)
        lease.renew(transaction, mine, until=9)
        with pytest.raises(lease.HeldElsewhere):
            lease.take(transaction, holder="two", place="there", now=1, until=5)
        lease.give_up(transaction, mine)


def providers_of_models(world: SimpleNamespace) -> None:
    seen = providers.Seen("tokyo", "gw-1", 5, "closed", 1, 0, None, None)
    with world.database.transaction(TENANT) as transaction:
        providers.cut(transaction, "tokyo", by="person:a", reason="r", now=1)
        assert [cut.provider for cut in providers.cuts(transaction)] == ["tokyo"]
        assert providers.restore(transaction, "tokyo")
        providers.report(transaction, [seen], now=5)
        assert providers.reports(transaction, since=0) == [seen]
        world.secrets.provision(TENANT, "provider-keys")
        old = data_keys.current(transaction, world.secrets, "provider-keys")
        providers.keep_key(transaction, old, "tokyo", "secret", now=1)
        new = data_keys.begin(transaction, world.secrets, "provider-keys")
        assert providers.encrypt_anew(transaction, new) == 1
        assert providers.open_key(new, "tokyo", providers.sealed_keys(transaction)["tokyo"]) == "secret"


def lists_of_the_boundary(world: SimpleNamespace) -> None:
    listed = dictionaries.Listed("customers", "names", 2, 7)
    with world.database.transaction(TENANT) as transaction:
        dictionaries.replace(transaction, listed, b"sealed")
        assert dictionaries.listed(transaction) == [listed]
        assert dictionaries.contents(transaction, "customers") == b"sealed"
        assert dictionaries.changed_at(transaction) == (1, 7)
        assert dictionaries.remove(transaction, "customers")


TOURS = [
    documents,
    raw_records,
    service_keys,
    log,
    spending,
    counting,
    watching_a_provider,
    providers_of_models,
    lists_of_the_boundary,
    tokens,
    responses,
    live_detection,
    taking_turns,
    programme,
]


@pytest.mark.parametrize("tour", TOURS, ids=lambda tour: tour.__name__)
def test_every_statement_names_the_institution(tour: Callable[[SimpleNamespace], None], tmp_path: Path) -> None:
    world = SimpleNamespace(database=Database.embedded(tmp_path), secrets=Secrets.embedded(tmp_path))
    seen: list[Any] = []
    with watching(seen.append):
        tour(world)
    assert any(isinstance(statement, Select) for statement in seen)
    world.database.close()


def test_the_tours_visit_every_table(tmp_path: Path) -> None:
    """A new repository must be added to them. Documents share one way in and out, so that one type stands for all."""
    world = SimpleNamespace(database=Database.embedded(tmp_path), secrets=Secrets.embedded(tmp_path))
    seen: list[Any] = []
    with watching(seen.append):
        for tour in TOURS:
            tour(world)
    world.database.close()
    visited = {table.name for statement in seen for table in walk(statement) if isinstance(table, Table)}
    visited |= {statement.table.name for statement in seen if isinstance(statement, Insert)}
    of_documents = {
        name for name, table in metadata.tables.items() if {"tenant", "id", "time", "body"} <= set(table.c.keys())
    }
    assert set(metadata.tables) - of_documents - visited == set()
    assert "source" in visited


SOURCE = metadata.tables["source"]
CONTENT = metadata.tables["ledger_content"]


@pytest.mark.parametrize(
    "statement",
    [
        select(SOURCE),
        select(SOURCE).where(SOURCE.c.id == "x"),
        select(SOURCE).where(SOURCE.c.tenant == "another"),
        select(SOURCE).join(CONTENT, CONTENT.c.id == SOURCE.c.id).where(SOURCE.c.tenant == TENANT),
        select(SOURCE).join(CONTENT, SOURCE.c.tenant == TENANT).where(CONTENT.c.tenant == TENANT),
        update(SOURCE).values(tenant=TENANT),
        SOURCE.delete(),
    ],
    ids=str,
)
def test_the_listener_sees_what_is_missing(statement: Any) -> None:
    with pytest.raises(Unscoped):
        check(statement, [], TENANT)


def test_a_kept_statement_that_is_told_another_institution_or_none_is_seen() -> None:
    told = select(SOURCE).where(SOURCE.c.tenant == bindparam("institution", required=True))
    check(told, [{"institution": TENANT}], TENANT)
    wrong: list[list[dict[str, Any]]] = [[], [{}], [{"institution": "another"}]]
    for parameters in (*wrong, [{"institution": TENANT}, {"institution": "another"}]):
        with pytest.raises(Unscoped):
            check(told, parameters, TENANT)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (select(SOURCE), {}),
        (select(SOURCE).where(SOURCE.c.tenant == bindparam("institution", required=True)), {"institution": "another"}),
        (SOURCE.insert(), [{"tenant": TENANT, "id": "1"}, {"tenant": "another", "id": "2"}]),
    ],
    ids=str,
)
def test_statements_that_go_to_the_driver_as_text_are_seen(statement: Any, values: Any, tmp_path: Path) -> None:
    database = Database.embedded(tmp_path)
    with watching(), database.transaction(TENANT) as transaction:
        prepared = Prepared(statement, transaction.connection.dialect, ("tenant", "id"))
        with pytest.raises(Unscoped):
            prepared.run(transaction.connection, values)
    database.close()


def test_an_insert_for_another_institution_is_seen() -> None:
    with pytest.raises(Unscoped):
        check(SOURCE.insert(), [{"tenant": TENANT}, {"tenant": "another"}], TENANT)


def test_statements_begin_in_one_place_only() -> None:
    """Outside the repository layer nobody begins a statement of their own or writes SQL as text."""
    beginnings = {"select", "insert", "update", "delete", "text", "literal_column", "exec_driver_sql"}
    layer = {"transaction.py", "prepared.py", "sqlite.py", "postgresql.py", "protection.py", "migrate.py"}
    layer |= {"backup.py", "check.py"}
    for room in (store, access, ledger):
        for path in Path(room.__path__[0]).glob("*.py"):
            if path.name in layer:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                used: set[str] = set()
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                    used = {name.name for name in node.names}
                elif isinstance(node, ast.Attribute) and node.attr == "exec_driver_sql":
                    used = {node.attr}
                assert not used & beginnings, f"{path.name}: {used & beginnings}"
