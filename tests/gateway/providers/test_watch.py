"""What processes of a programme know of each other: a cut counts everywhere, whichever institution they serve."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from tests.gateway.providers.failing import failing
from tests.gateway.providers.test_upstream import provider, run

from sakimori.access.secrets import Secrets
from sakimori.core import ManualClock, SakimoriError, SystemClock
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.credentials import Credentials, sealing_keys
from sakimori.gateway.providers.failure import ProviderFailed
from sakimori.gateway.providers.health import Health
from sakimori.gateway.providers.provider import KeyReference, Provider, ProviderMissing, Timeouts
from sakimori.gateway.providers.upstream import Attempt, Upstreams
from sakimori.gateway.providers.watch import Watch
from sakimori.store import Database, StoreError
from sakimori.store import providers as rows


def stored(name: str) -> Provider:
    return provider(name, "http://127.0.0.1:1/v1", key=KeyReference("store"))


def watching(home: Path, *named: Provider, database: Database | None = None) -> tuple[Watch, Health, Credentials]:
    clock = SystemClock()
    health = Health([one.name for one in named], clock)
    credentials = Credentials(Providers(named), Secrets.embedded(home), {"KEY": "k"})
    return Watch(database or Database.embedded(home), credentials, health, clock), health, credentials


def keep_key(home: Path, name: str, secret: str) -> None:
    database = Database.embedded(home)
    with database.transaction(rows.PROGRAMME) as transaction:
        rows.keep_key(transaction, sealing_keys(transaction, Secrets.embedded(home)), name, secret, now=1)
    database.close()


async def until_seen(health: Health, cut: frozenset[str]) -> None:
    while health.cut != cut:  # noqa: ASYNC110 # what is waited for is another process's doing
        await asyncio.sleep(0.01)


def test_a_cut_by_another_process_breaks_off_calls_under_way_and_is_taken_back(
    tmp_path: Path, database: Database, database_url: str
) -> None:
    async def test() -> None:
        other = Database.open(database_url)
        async with failing("hang") as (upstream,):
            hanging = provider("p0", upstream.base_url, timeouts=Timeouts())
            watch, health, credentials = watching(tmp_path, hanging, database=database)
            watch.begin()
            upstreams = Upstreams(health, credentials.of, clock=SystemClock(), random=Random(1))
            watched = asyncio.create_task(watch.run(upstreams.cut))
            deadline = asyncio.get_running_loop().time() + 60

            async def nothing(_attempt: Attempt) -> None: ...

            attempt = Attempt(hanging, "chat/completions", b"{}")
            call = asyncio.create_task(
                upstreams.open([attempt], institution="aozora", deadline=deadline, before_retry=nothing)
            )
            await upstream.asked.wait()
            with other.transaction(rows.PROGRAMME) as transaction:
                rows.cut(transaction, "p0", by="person:a", reason="x", now=1)
            with pytest.raises(ProviderFailed) as caught:
                await call
            assert caught.value.refusal.code == "provider_cut"
            await upstream.closed.wait()
            with other.transaction(rows.PROGRAMME) as transaction:
                rows.restore(transaction, "p0")
            await until_seen(health, frozenset())
            assert health.usable("p0", "aozora")
            watched.cancel()
            await upstreams.close()
        other.close()

    run(test)


def test_a_gateway_that_starts_knows_who_is_cut_off(tmp_path: Path) -> None:
    database = Database.embedded(tmp_path)
    with database.transaction(rows.PROGRAMME) as transaction:
        rows.cut(transaction, "p0", by="person:a", reason="x", now=1)
    watch, health, _ = watching(tmp_path, provider("p0", "http://127.0.0.1:1/v1"))
    watch.begin()
    assert not health.usable("p0", "aozora")
    database.close()


def test_a_key_that_is_stored_anew_is_shown_from_then_on(tmp_path: Path) -> None:
    async def test() -> None:
        named = stored("tokyo")
        watch, _, credentials = watching(tmp_path, named)
        with pytest.raises(ProviderMissing, match="run `sakimori providers key tokyo`"):
            watch.begin()
        keep_key(tmp_path, "tokyo", "first")
        watch.begin()
        assert credentials.of(named) == "first"
        watched = asyncio.create_task(watch.run(lambda _: None))
        keep_key(tmp_path, "tokyo", "second")
        while credentials.of(named) != "second":  # noqa: ASYNC110 # as above
            await asyncio.sleep(0.01)
        watched.cancel()

    run(test)


def test_a_stored_key_of_another_provider_or_install_opens_nothing(tmp_path: Path) -> None:
    keep_key(tmp_path / "a", "tokyo", "secret")
    database = Database.embedded(tmp_path / "a")
    with database.snapshot(rows.PROGRAMME) as snapshot:
        sealed = rows.sealed_keys(snapshot)["tokyo"]
        sealing = sealing_keys(snapshot, Secrets.embedded(tmp_path / "a"))
        other = sealing_keys(snapshot, Secrets.embedded(tmp_path / "b"))
    database.close()
    assert rows.open_key(sealing, "tokyo", sealed) == "secret"
    with pytest.raises(StoreError, match="run `sakimori providers key osaka` again"):
        rows.open_key(sealing, "osaka", sealed)
    with pytest.raises(StoreError):
        rows.open_key(other, "tokyo", sealed)


def test_a_cut_counts_even_where_a_stored_key_cannot_be_opened(tmp_path: Path) -> None:
    async def test() -> None:
        keep_key(tmp_path, "tokyo", "secret")
        watch, health, credentials = watching(tmp_path, named := stored("tokyo"))
        watch.begin()
        database = Database.embedded(tmp_path)
        with database.transaction(rows.PROGRAMME) as transaction:
            other = sealing_keys(transaction, Secrets.embedded(tmp_path / "b"))
            rows.keep_key(transaction, other, "tokyo", "of another install", now=1)
            rows.cut(transaction, "tokyo", by="person:a", reason="x", now=1)
        cut: list[frozenset[str]] = []
        watched = asyncio.create_task(watch.run(cut.append))
        while not cut:  # noqa: ASYNC110 # as above
            await asyncio.sleep(0.01)
        assert cut[0] == {"tokyo"}
        assert credentials.of(named) == "secret"
        watched.cancel()
        database.close()
        assert not health.cut

    run(test)


def test_what_a_process_saw_is_there_for_others_and_forgotten_with_it(tmp_path: Path) -> None:
    async def test() -> None:
        watch, health, _ = watching(tmp_path, provider("p0", "http://127.0.0.1:1/v1"))
        health.failed("p0", "aozora", "provider_timeout")
        watched = asyncio.create_task(watch.run(lambda _: None))
        database = Database.embedded(tmp_path)
        seen: list[rows.Seen] = []
        while not seen:
            await asyncio.sleep(0.01)
            with database.snapshot(rows.PROGRAMME) as snapshot:
                seen = rows.reports(snapshot, since=0)
        watched.cancel()
        assert [(one.provider, one.failed, one.last_failure) for one in seen] == [("p0", 1, "provider_timeout")]
        later = SystemClock().now() + 2 * 3600 * 10**9
        with database.transaction(rows.PROGRAMME) as transaction:
            rows.report(transaction, [], now=later)
            assert not rows.reports(transaction, since=0)
        database.close()

    run(test)


def test_reports_are_written_at_most_once_a_second(tmp_path: Path) -> None:
    clock = ManualClock(10**18)
    health = Health(["p0"], clock)
    watch = Watch(Database.embedded(tmp_path), Credentials((), Secrets.embedded(tmp_path), {}), health, clock)
    assert watch.news() is not None
    for _ in range(10):
        health.failed("p0", "aozora", "provider_error")
        assert watch.news() is None
    clock.set(clock.now() + 10**9)
    assert watch.news() is not None
    clock.set(clock.now() + 9 * 10**9)
    assert watch.news() is None, "nothing happened"
    clock.set(clock.now() + 10**9)
    assert watch.news() is not None, "it says that it is still there"


def test_without_a_database_the_last_that_was_known_stays_and_readiness_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sakimori.gateway.providers.watch._BLIND_SECONDS", 0.5)

    async def test() -> None:
        database = Database.embedded(tmp_path)
        with database.transaction(rows.PROGRAMME) as transaction:
            rows.cut(transaction, "p0", by="person:a", reason="x", now=1)
        watch, health, _ = watching(tmp_path, provider("p0", "http://127.0.0.1:1/v1"), database=database)
        watch.begin()
        with closing(sqlite3.connect(tmp_path / "sakimori.db")) as connection:
            connection.execute("ALTER TABLE provider_cut RENAME TO gone")
        watched = asyncio.create_task(watch.run(lambda _: None))

        async def until_blind() -> None:
            while True:
                await asyncio.sleep(0.01)
                watch.refuse_if_blind()

        with pytest.raises(SakimoriError, match="cannot be looked up"):
            await until_blind()
        assert health.cut == {"p0"}
        watched.cancel()
        database.close()

    run(test)


@pytest.mark.parametrize(
    ("reference", "environment", "expected"),
    [
        (KeyReference("env", "KEY"), {}, "the key of provider 'p0' is missing: set the environment variable KEY"),
        (KeyReference("env", "KEY"), {"KEY": "two words"}, "the environment variable KEY holds no key"),
        (KeyReference("file", "/nonexistent"), {}, "cannot be read from /nonexistent"),
    ],
)
def test_a_key_that_is_not_there_is_told_before_any_call(
    reference: KeyReference, environment: dict[str, str], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(ProviderMissing, match=expected) as caught:
        Credentials([provider("p0", "http://a", key=reference)], Secrets.embedded(tmp_path), environment)
    assert "two words" not in str(caught.value)


def test_a_key_in_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("secret\n")
    path.chmod(0o600)
    named = provider("p0", "http://a", key=KeyReference("file", str(path)))
    assert Credentials([named], Secrets.embedded(tmp_path), {}).of(named) == "secret"
    path.chmod(0o644)
    with pytest.raises(ProviderMissing, match="others may read"):
        Credentials([named], Secrets.embedded(tmp_path), {})
