"""Calls whose process died are ended and entered, though their institution never calls again."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from tests.gateway.conftest import Bank
from tests.gateway.test_stopping import Operator

from sakimori.access import members
from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.gateway import Providers
from sakimori.gateway.calls import sweeping
from sakimori.gateway.calls.sealing import Sealer
from sakimori.gateway.calls.settlement import Settlement
from sakimori.gateway.calls.sweeping import Sweeper, institutions_of
from sakimori.gateway.calls.writer import Writer
from sakimori.gateway.server import Parts
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import DataClass, Grant, GrantState, Limit, Window
from sakimori.store import Database, StoreError, budgets
from sakimori.store.budgets import Amount

NOW = 1_800_000_000 * 10**9
SECOND = 10**9
MINUTE = 60 * SECOND
MEMBERS = ("aozora", "kita", "minato")


@dataclass
class At:
    """A clock that stands still."""

    time: int = NOW

    def now(self) -> int:
        return self.time


def grant(tenant: str) -> Grant:
    return Grant(
        id="gr-1",
        tenant=tenant,
        state=GrantState.READY,
        models=("gpt-5",),
        purposes=("triage",),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.DAY, tokens=10_000, yen=Decimal(1_000)),),
        not_before=0,
        not_after=2 * NOW,
    )


def call(database: Database, tenant: str, id: str, *, sent: bool = True, at: int = NOW) -> None:
    """A call that holds 100 tokens for a minute."""
    with database.transaction(tenant) as transaction:
        held = Amount(100, Decimal(5))
        lifetime = timedelta(minutes=1)
        budgets.reserve(
            transaction, grant(tenant), model="gpt-5", upper=held, now=at, lifetime=lifetime, sent=sent, id=id
        )


@asynccontextmanager
async def sweeping_at(database: Database, ledger: Ledger, clock: At) -> AsyncGenerator[Sweeper]:
    """The sweeper of one process."""
    writer, sealer = Writer(database), Sealer(ledger)
    names = partial(institutions_of, database, "ministry")
    try:
        yield Sweeper(database, writer, Settlement(ledger, clock), sealer, clock, names)
    finally:
        await sealer.close(writer)
        await writer.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(LocalSigner(Secrets.embedded(tmp_path / "home")))


@pytest.fixture
def programme(database: Database) -> Database:
    """A ministry and three banks, of which one has a call under way and one a call whose process died."""
    with database.transaction("ministry") as transaction:
        members.add(transaction, MEMBERS, now=NOW)
    call(database, "aozora", "dead")
    call(database, "aozora", "held", sent=False)
    call(database, "kita", "lives", at=NOW + MINUTE)
    return database


def presumed(database: Database, ledger: Ledger, tenant: str) -> list[str]:
    with database.snapshot(tenant) as snapshot:
        return [line.entry.subject for line in ledger.lines(snapshot) if line.entry.action == "gateway.presumed"]


def states(database: Database, tenant: str) -> dict[str, str]:
    with database.snapshot(tenant) as snapshot:
        return {made.id: made.state for made in budgets.reservations(snapshot, "gr-1")}


def test_a_dead_call_is_ended_once_by_however_many_processes(
    programme: Database, database_url: str, ledger: Ledger
) -> None:
    """Two processes look at once, and again: one entry, one booking; a call that runs is left alone."""
    clock = At(NOW + MINUTE)
    other = Database.open(database_url)

    async def look() -> int:
        async with AsyncExitStack() as stack:
            each = [await stack.enter_async_context(sweeping_at(one, ledger, clock)) for one in (programme, other)]
            ended = await asyncio.gather(*(sweeper.round() for sweeper in each))
            return sum(ended) + await each[0].round()

    assert asyncio.run(look()) == 2
    other.close()
    assert states(programme, "aozora") == {"dead": "presumed", "held": "expired"}
    assert states(programme, "kita") == {"lives": "sent"}
    assert presumed(programme, ledger, "aozora") == ["dead"]
    assert presumed(programme, ledger, "kita") == presumed(programme, ledger, "ministry") == []
    with programme.snapshot("aozora") as snapshot:
        used = budgets.used(snapshot, "gr-1", Window.DAY, now=NOW)
        assert (used.requests, used.tokens, used.yen) == (1, 100, Decimal(5))
        assert ledger.verify(snapshot).ok


def test_every_institution_is_looked_at_however_many_there_are(
    programme: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slice by slice: those of the programme's own institution, and of one that has left it, too."""
    monkeypatch.setattr(sweeping, "_SLICE", 2)
    with programme.transaction("ministry") as transaction:
        members.remove(transaction, "minato", now=NOW)
    for tenant in ("ministry", "minato"):
        call(programme, tenant, f"of {tenant}")

    async def look() -> int:
        async with sweeping_at(programme, ledger, At(NOW + MINUTE)) as sweeper:
            return await sweeper.round()

    assert asyncio.run(look()) == 4
    assert [presumed(programme, ledger, tenant) for tenant in ("ministry", "minato")] == [
        ["of ministry"],
        ["of minato"],
    ]


def test_a_database_that_goes_away_does_not_end_the_sweeping(
    programme: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(sweeping, "_PAUSE_SECONDS", 0.01)
    asked = itertools.count()

    async def look() -> None:
        loop, gone_round_twice = asyncio.get_running_loop(), asyncio.Event()

        def names() -> list[str]:
            number = next(asked)
            if number == 0:
                raise StoreError("the database is gone")
            if number == 2:
                loop.call_soon_threadsafe(gone_round_twice.set)
            return ["aozora"]

        async with sweeping_at(programme, ledger, At(NOW + MINUTE)) as sweeper:
            monkeypatch.setattr(sweeper, "_institutions", names)
            running = asyncio.create_task(sweeper.run())
            await asyncio.wait_for(gone_round_twice.wait(), 10)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(look())
    assert presumed(programme, ledger, "aozora") == ["dead"]


def test_a_gateway_sweeps_while_it_serves(bank: Bank, providers: Providers) -> None:
    """Another gateway's process died in a call; the institution makes no call any more."""
    granted = bank.grant()
    with bank.database.transaction(bank.tenant) as transaction:
        upper, made_at = Amount(100, Decimal(1)), SystemClock().now() - 10 * MINUTE
        lifetime = timedelta(minutes=1)
        budgets.reserve(
            transaction, granted, model="gpt-5", upper=upper, now=made_at, lifetime=lifetime, sent=True, id="dead"
        )
    parts = Parts(bank.database, bank.secrets, bank.ledger, providers, SystemClock(), programme=bank.tenant)
    operator = Operator(parts)
    operator.thread.start()
    deadline = time.monotonic() + 10
    while not any(entry.action == "gateway.presumed" for entry in bank.entries()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    operator.stop()
    operator.thread.join(10)
    (entry,) = (entry for entry in bank.entries() if entry.action == "gateway.presumed")
    assert (entry.subject, entry.actor, entry.detail["tokens_presumed"]) == ("dead", "service:gateway", 100)
