"""Writing in groups: durable before it is told, together where it can be, and nobody harmed by a neighbour."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.calls.writer import Writer
from sakimori.gateway.refusal import Refusal
from sakimori.records import Source
from sakimori.store import Database, StoreError, Transaction


def record(id: str, tenant: str = "aozora") -> Source:
    return Source(tenant=tenant, digest=id, path="", format="", size=0)


def kept(database: Database, tenant: str = "aozora") -> set[str]:
    with database.snapshot(tenant) as snapshot:
        return {found.digest for found in snapshot.all(Source)}


def keep(id: str, tenant: str = "aozora") -> Callable[[Transaction], int]:
    def work(transaction: Transaction) -> int:
        transaction.put(record(id, tenant))
        return id_of(transaction)

    return work


def id_of(transaction: Transaction) -> int:
    _SEEN.append(transaction)  # kept, so that no other one gets its number
    return id(transaction)


_SEEN: list[Transaction] = []


@asynccontextmanager
async def writing(database: Database, most_waiting: int = 1_000) -> AsyncGenerator[Writer]:
    writer = Writer(database, most_waiting=most_waiting)
    try:
        yield writer
    finally:
        await writer.close()


@asynccontextmanager
async def held_up(writer: Writer) -> AsyncGenerator[None]:
    """Whatever is submitted within waits, and is one round afterwards."""
    busy, go_on = threading.Event(), threading.Event()

    def wait(_transaction: Transaction) -> None:
        busy.set()
        assert go_on.wait(10)

    first = asyncio.create_task(writer.submit("else", wait, long=True))
    await asyncio.to_thread(busy.wait, 10)
    yield
    await asyncio.sleep(0)  # tasks that were made within have submitted by now
    go_on.set()
    await first


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


async def together(writer: Writer, *works: tuple[str, Callable[[Transaction], object]]) -> list[object]:
    async with held_up(writer):
        tasks = [asyncio.create_task(writer.submit(tenant, work)) for tenant, work in works]
        await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_what_is_heard_of_is_durable(database: Database) -> None:
    async def test() -> None:
        async with writing(database) as writer:
            await writer.submit("aozora", keep("one"))
            assert kept(database) == {"one"}

    run(test)


def test_those_who_wait_share_a_transaction(database: Database) -> None:
    async def test() -> None:
        async with writing(database) as writer:
            shared = await together(writer, *(("aozora", keep(f"g{n}")) for n in range(20)))
        assert len(set(shared)) == 1
        assert len(kept(database)) == 20

    run(test)


def test_who_comes_before_its_institution_has_its_turn_shares_the_transaction(database: Database) -> None:
    async def test() -> None:
        async with writing(database) as writer:
            busy, go_on = threading.Event(), threading.Event()
            with ThreadPoolExecutor(1) as thread:
                other = thread.submit(hold, database, busy, go_on)
                await asyncio.to_thread(busy.wait, 10)
                early = asyncio.create_task(writer.submit("aozora", keep("early")))
                await asyncio.sleep(0.1)  # its turn has come, and the database is somebody else's still
                late = asyncio.create_task(writer.submit("aozora", keep("late")))
                await asyncio.sleep(0)
                go_on.set()
                assert await early == await late
            other.result()
        assert kept(database) == {"early", "late"}

    def hold(database: Database, busy: threading.Event, go_on: threading.Event) -> None:
        with database.transaction("aozora"):
            busy.set()
            assert go_on.wait(10)

    run(test)


def test_what_takes_long_does_not_hold_up_the_event_loop(database: Database, database_url: str) -> None:
    def where(_transaction: Transaction) -> bool:
        return threading.current_thread() is threading.main_thread()

    async def test() -> None:
        async with writing(database) as writer:
            assert await writer.submit("aozora", where) == database_url.startswith("sqlite")
            assert not await writer.submit("aozora", where, long=True)

    run(test)


def test_a_refusal_undoes_its_own_work_and_nobody_elses(database: Database) -> None:
    def refuse(transaction: Transaction) -> None:
        transaction.put(record("refused"))
        raise Refusal(429, "budget_exceeded", "no")

    async def test() -> None:
        async with writing(database) as writer:
            one, no, two = await together(writer, ("aozora", keep("one")), ("aozora", refuse), ("aozora", keep("two")))
        assert isinstance(no, Refusal)
        assert one == two
        assert kept(database) == {"one", "two"}

    run(test)


def test_a_neighbours_mistake_is_its_own(database: Database) -> None:
    """A bug leaves a transaction in a state that nobody knows: the others are written again without it."""

    def mistake(transaction: Transaction) -> None:
        transaction.put(record("mistaken"))
        raise ZeroDivisionError

    async def test() -> None:
        async with writing(database) as writer:
            one, no, two = await together(writer, ("aozora", keep("one")), ("aozora", mistake), ("aozora", keep("two")))
        assert isinstance(no, ZeroDivisionError)
        assert isinstance(one, int)
        assert isinstance(two, int)
        assert kept(database) == {"one", "two"}

    run(test)


def test_institutions_are_kept_apart_within_a_round(database: Database) -> None:
    async def test() -> None:
        async with writing(database) as writer:
            one, two, foreign = await together(
                writer, ("aozora", keep("one")), ("midori", keep("two", "midori")), ("midori", keep("three"))
            )
        assert one != two
        assert isinstance(foreign, StoreError)
        assert (kept(database), kept(database, "midori")) == ({"one"}, {"two"})

    run(test)


def test_where_the_database_is_gone_everybody_hears_it(tmp_path: Path) -> None:
    database = Database.embedded(tmp_path)

    async def test() -> None:
        async with writing(database) as writer:
            await writer.submit("aozora", keep("one"))
            (tmp_path / "sakimori.db").rename(tmp_path / "elsewhere.db")
            told = await together_gone(writer)
            assert all(isinstance(error, StoreError) for error in told)
            (tmp_path / "elsewhere.db").rename(tmp_path / "sakimori.db")
            await writer.submit("aozora", keep("two"))
        assert kept(database) == {"one", "two"}

    async def together_gone(writer: Writer) -> list[object]:
        tasks = [writer.submit("aozora", keep(f"g{n}")) for n in range(3)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    run(test)
    database.close()


def test_who_gave_up_before_its_turn_leaves_nothing(database: Database) -> None:
    async def test() -> None:
        async with writing(database) as writer:
            async with held_up(writer):
                task = asyncio.create_task(writer.submit("aozora", keep("one")))
                other = asyncio.create_task(writer.submit("aozora", keep("two")))
                await asyncio.sleep(0)
                task.cancel()
            await other
        assert kept(database) == {"two"}

    run(test)


def test_the_queue_is_bounded_and_says_when_to_come_again(database: Database) -> None:
    async def test() -> None:
        async with writing(database, most_waiting=3) as writer:
            async with held_up(writer):
                tasks = [asyncio.create_task(writer.submit("aozora", keep(f"g{n}"))) for n in range(2)]
                await asyncio.sleep(0)
                with pytest.raises(Refusal) as refused:
                    await writer.submit("aozora", keep("one too many"))
            assert (refused.value.status, refused.value.code) == (503, "gateway_busy")
            assert refused.value.headers == {"x-should-retry": "true", "retry-after": "1"}
            await asyncio.gather(*tasks)
            await writer.submit("aozora", keep("later"))
        assert kept(database) == {"g0", "g1", "later"}

    run(test)


def test_what_waits_when_it_closes_is_written(database: Database) -> None:
    async def test() -> None:
        writer = Writer(database)
        tasks = [asyncio.create_task(writer.submit("aozora", keep(f"g{n}"))) for n in range(200)]
        await asyncio.sleep(0)
        await writer.close()
        await asyncio.gather(*tasks)
        assert len(kept(database)) == 200

    run(test)


@given(st.lists(st.sampled_from(["keep", "refuse", "mistake", "cancel"]), max_size=12))
def test_however_a_round_is_mixed_what_succeeded_is_there_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    database = Database.embedded(tmp_path_factory.mktemp("writer"))

    def work(kind: str, id: str) -> Callable[[Transaction], str]:
        def do(transaction: Transaction) -> str:
            transaction.put(record(id))
            if kind == "refuse":
                raise Refusal(403, "no", "no")
            if kind == "mistake":
                raise ZeroDivisionError
            return id

        return do

    async def test() -> None:
        async with writing(database) as writer:
            async with held_up(writer):
                tasks = [
                    asyncio.create_task(writer.submit("aozora", work(kind, f"g{n}"))) for n, kind in enumerate(kinds)
                ]
                await asyncio.sleep(0)
                for task, kind in zip(tasks, kinds, strict=True):
                    if kind == "cancel":
                        task.cancel()
            told = await asyncio.gather(*tasks, return_exceptions=True)
        assert {each for each in told if isinstance(each, str)} == kept(database)
        assert len(kept(database)) == kinds.count("keep")

    run(test)
    database.close()
